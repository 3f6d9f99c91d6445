// SPDX-License-Identifier: PostgreSQL
// What the address book knows of a group, and how news change it: pure rules, kept in shared memory
// by floor remote.
#pragma once

#include <cstdint>

namespace altius::core {

/// The fencing number of a leadership: the mod_revision of the leader key, comparable within one
/// etcd cluster only.
struct Epoch {
  uint64_t cluster = 0;  // etcd's cluster id; 0: no follower has spoken
  int64_t revision = 0;

  bool operator==(const Epoch&) const = default;
};

enum class GroupState : uint8_t {
  Unknown,     // nothing was published: the address is pg_dist_node's
  Known,       // the leader was verified: right system, accepts writes
  Leaderless,  // the leader key is gone; the address stays in force
  Probing,     // a leader is named that was not verified yet
  Absent,      // all keys of the group are gone; the address stays in force
  Mismatch,    // the leader is not the server it should be (another system id): nothing is sent
             // there; the address that was known before stays in force, and comes with its system
             // id
};

/// Plain, for shared memory.
struct Whereabouts {
  GroupState state = GroupState::Unknown;
  Epoch epoch;
  char member[64] = {};  // Patroni's name of the leader
  char host[256] = {};
  int port = 0;
  int timeline = 0;        // 0: not known
  uint64_t system_id = 0;  // 0: not known
};

/// An entry of the book.
struct Entry {
  Whereabouts at;
  bool verified = false;  // the address may be used
};

enum class Applied : uint8_t {
  Stale,    // older than what is known: nothing was changed
  Same,     // nothing new
  Updated,  // state, epoch or verification changed; connections stay
  Moved,    // another server or another life of it: connections to the old one are cut
};

/// Takes the news into the entry.  News of Leaderless and Absent need no address; theirs is
/// ignored.
Applied Apply(Entry& entry, const Whereabouts& news) noexcept;

/// Whether both name one server in one life.  A timeline or system id that is not known differs
/// from none.
bool SameServer(const Whereabouts& a, const Whereabouts& b) noexcept;

/// Whether the host name stands for no server: Patroni gives a node the suffix `-demoted` while it
/// has none that may be used.
bool IsNobody(const char* host) noexcept;

const char* NameOf(GroupState state) noexcept;

}  // namespace altius::core
