// SPDX-License-Identifier: PostgreSQL
// What a follower does about one group: a pure function of what is remembered, what Patroni says,
// what a probe found and the time.  The rules are a table (group.cpp); the first that applies is
// taken, until none does.
//
//   Known -(leader key gone)-> Leaderless -(a leader is named)-> Probing -(it is the right server
//   and writes)-> Known Known -(a switchover is planned)-> Known, gated         Probing -(another
//   system)-> Mismatch any -(all keys gone)-> Absent
//
// The leader key alone has authority; its mod_revision is the epoch.  A leader is used once a probe
// has verified it.
#pragma once

#include "altius/core/ha/view.hpp"
#include "altius/core/route/book.hpp"

namespace altius::core::ha {

/// Milliseconds of a clock that never goes back.
using Millis = std::int64_t;

/// What a probe of the target found.
struct Verdict {
  enum class Kind : std::uint8_t { Unreachable, InRecovery, Primary };
  Kind kind = Kind::Unreachable;
  Epoch epoch;  // of the target when the probe began
  std::string host;
  int port = 0;
  std::uint64_t system_id = 0;
  int timeline = 0;
  std::string problem;
};

/// The server that the leader key names.
struct Target {
  std::string member;
  std::string host;
  int port = 0;
  Epoch epoch;

  bool operator==(const Target&) const = default;
};

/// What is remembered of a group between decisions.
struct GroupMemory {
  GroupState state = GroupState::Unknown;
  Target target;     // the last leader that was named; member is empty when there is none
  Target known;      // the last one verified
  int timeline = 0;  // of `known`
  std::uint64_t system_id = 0;
  int announced_timeline = 0;  // by the leader's own key, when it was last looked at
  int sync = 0;                // the full read of etcd by which the leader was last looked at
  Millis since = 0;            // of the state
  bool gated = false;
  Millis gated_until = 0;
  std::int64_t gate_revision = 0;  // of the failover key that the gate was for
  bool doubtful = false;           // the target was no standby of the group: what was known stays in
                                   // force until it was looked at
  std::string note;                // in words, what keeps it from being Known
  const char* rule = "";           // the last one taken
};

struct Policy {
  bool gate = true;
  Millis gate_timeout = 30000;
  Millis gate_ahead = 200;  // before a scheduled switchover
};

/// What is outside of the group.
struct Surroundings {
  std::uint64_t etcd = 0;  // the cluster part of epochs
  int sync = 0;            // number of full reads of etcd so far
  Millis now = 0;
  std::int64_t wall_ms = 0;  // since 1970, for scheduled switchovers
  std::optional<Verdict> verdict;
  Policy policy;
};

struct Decision {
  GroupMemory next;
  bool publish = false;   // state, target or known have changed
  bool gate = false;      // the gate has changed
  bool verified = false;  // a leader was verified just now: store it
  bool moved = false;  // ... and it is not the one known before: recover what it may hold prepared
  std::vector<std::string> warnings;
  std::vector<const char*> rules;  // taken, in this order
};

Decision Decide(const GroupMemory& memory, const GroupView& view, const Surroundings& around);

/// What to publish of it.
Whereabouts Publication(const GroupMemory& memory);

/// Whether the target is to be probed (in Mismatch now and then, else as fast as ProbePause says).
bool WantsProbe(const GroupMemory& memory);

/// Between two probes: 5 ms at first, longer when it takes long.
Millis ProbePause(const GroupMemory& memory, Millis now, Millis shortest);

/// When Decide is to be called though nothing has happened; nothing: never.
std::optional<Millis> NextLook(const GroupMemory& memory, const GroupView& view,
                               const Surroundings& around);

/// Names of all rules, in their order.
std::vector<const char*> RuleNames();

/// The standbys of the group as they may be used.
struct Replica {
  std::string member;
  std::string host;
  int port = 0;
  std::int64_t lag = -1;  // bytes; -1: not known
  bool usable = false;
};
std::vector<Replica> Replicas(const GroupMemory& memory, const GroupView& view);

}  // namespace altius::core::ha
