// SPDX-License-Identifier: PostgreSQL
// The world of the model checker: three nodes, one transaction over them, and everything that may happen.  See README.md.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>

#include "altius/core/txn/commit.hpp"
#include "altius/core/txn/recovery.hpp"

namespace core = altius::core;

namespace model {

using Byte = std::uint8_t;
constexpr int kNodes = 3;  // node 0 is the coordinator
constexpr Byte kNone = 255;

constexpr Byte Bit(int node) { return static_cast<Byte>(1 << node); }
constexpr bool Has(Byte mask, int node) { return (mask & Bit(node)) != 0; }

/// What a node has of the transaction.  Open is lost in a crash.
enum class Fate : Byte { Open, Prepared, Committed, Aborted };
enum class Wire : Byte { Nothing, Prepare, Rollback, RollbackPrepared, CommitPrepared };
enum class Phase : Byte { Idle, Working, Committing, Aborting, Ending, Ended };
enum class Client : Byte { Waits, Committed, RolledBack, Unknown };

/// One run of recovery.
struct Run {
  Byte step = 0;  // of core::kRecovery
  Byte node = 0;  // the next one within the step
  Byte noted = 0;  // records (a bit for each participant)
  Byte asked = 0;  // nodes that are to be
  Byte answered = 0;
  Byte prepared = 0;
  Byte standing = 0;
  Byte active = 0;
  Byte records = 0;
};

enum Server : Byte { kOrigin, kCoordinator, kCopy, kServers };

/// Bytes only: compared and hashed as such.
struct World {
  Byte up = Bit(0) | Bit(1) | Bit(2);
  Fate fate[kNodes] = {};  // of the origin: Committed means that others see it
  Byte durable = 0;        // the origin's commit is on disk
  Byte records = 0;        // at the origin
  // The origin's backend; the transaction is not there yet when the phase is Idle, and gone when it is Ended.
  Phase phase = Phase::Idle;
  Byte step = 0;  // of core::kTwoPhaseCommit
  Byte wrote_records = 0;
  Byte forced = 0;
  core::Part part[kNodes] = {};
  Byte connected = Bit(0) | Bit(1) | Bit(2);
  Wire wire[kNodes] = {};
  core::Reply reply[kNodes] = {};
  Byte surprised = 0;  // somebody else has ended a part while the backend was at it
  Client client = Client::Waits;
  Byte listed = Bit(0) | Bit(1) | Bit(2);  // in pg_dist_node of the coordinator and of the origin
  Byte known = Bit(0) | Bit(1) | Bit(2);   // nodes that list the origin themselves
  Byte known_other = 0;                    // ... that list another server, added in its place
  Byte enabled = Bit(0) | Bit(1) | Bit(2);
  Byte joining = 0;        // it was never listed
  Byte noted = 0;          // its address was written down when it was removed; that stays while there are records, also when it is back
  Byte removing = 0;       // citus_remove_node(origin): how far it is in core::kRemoval, counted by nodes, from 1
  Byte reset = 0;          // ... it has reached the origin, and locked its tables
  Byte stopped = 0;        // nodes on which it has its lock
  Byte leaving = 0;        // ... that have not learned yet that it is committed
  Byte broken = 0;         // links between two nodes (LinkOf) that carry nothing
  Byte copied = 0;         // a copy of the origin (or the coordinator) runs beside it
  Byte copy_records = 0;
  Run runs[kServers];
  Byte crashes = 0, cuts = 0, changes = 0, copies = 0, partitions = 0;  // that may still happen

  bool operator==(const World& other) const { return std::memcmp(this, &other, sizeof(World)) == 0; }
};

/// What is different from one search to the next.
struct Scenario {
  const char* name;
  int origin = 1;
  Byte participants = Bit(0) | Bit(2);
  bool coordinator_looks = false;  // recovery runs there, too
  bool nested = false;        // the origin's backend works for another node's transaction
  bool async_commit = false;  // synchronous_commit = off
  bool origin_changes = false;  // the origin is removed and added again
  bool replaced = false;        // ... or another server in its place
  int changed = -1;             // a participant is disabled or removed, and comes back
  int joins = -1;               // a participant that is added first
  Byte crashes = 0, cuts = 0, copies = 0, changes = 0, partitions = 0;
};

inline bool TakesPart(const Scenario& scenario, int node) { return Has(scenario.participants, node); }

/// Any two nodes have a link of their own: one may be cut off from some and not from others.
constexpr Byte LinkOf(int one, int other) { return Bit(one + other - 1); }
inline bool IsLinked(const World& world, int one, int other) { return one == other || (world.broken & LinkOf(one, other)) == 0; }
inline bool Reaches(const World& world, int from, int to) { return Has(world.up, to) && IsLinked(world, from, to); }

using Emit = std::function<void(const World&, const char* what, int node)>;

/// Whether the origin's backend is at the transaction, as recovery there sees it.
bool IsActive(const World& world, const Scenario& scenario);

/// The beginning and the end of a connection of the origin's backend.
void Cut(World* world, const Scenario& scenario, int node, bool arrives);

/// What the origin has sent arrives, or does not; then it is as after a crash.
void StopOrigin(World* world, const Scenario& scenario, Byte arrives);

void OriginSteps(const World& world, const Scenario& scenario, const Emit& emit);
void NodeSteps(const World& world, const Scenario& scenario, int node, const Emit& emit);
void RecoverySteps(const World& world, const Scenario& scenario, Server server, const Emit& emit);
void Faults(const World& world, const Scenario& scenario, const Emit& emit);
void Restarts(const World& world, const Scenario& scenario, const Emit& emit);
void Administration(const World& world, const Scenario& scenario, const Emit& emit);

/// A server of recovery that is none in this scenario.
bool Exists(const World& world, const Scenario& scenario, Server server);
int NodeOf(const Scenario& scenario, Server server);

}  // namespace model
