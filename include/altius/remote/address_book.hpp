// SPDX-License-Identifier: PostgreSQL
// The address book in shared memory: where the primary of each group listens, and whether it may be
// used.
//
// The follower of etcd publishes what it has verified (one process writes); every backend that
// connects to nodes reads.  Without an entry, and while nobody follows, the address is
// pg_dist_node's.  Entries belong to a database: each has nodes of its own. Readers pay two atomic
// reads for each statement and node; only a change makes them look.
#pragma once

#include "altius/core/route/book.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace altius::remote {

inline constexpr int kMaxStandbys = 6;

/// A standby of a group that may serve reads.
struct Standby {
  char member[64];
  char host[256];
  int port;
  int64 lag_bytes;   // behind the primary, when it was last seen; -1: not known
  TimestampTz seen;  // when lag_bytes was true
  bool usable;       // running, same timeline, not excluded by a tag
};

/// What the book has about a group, as a copy.
struct GroupEntry {
  Oid database;
  int group;
  core::Whereabouts at;
  bool verified;            // the address may be used
  TimestampTz gated_until;  // 0: the gate is open; new transactions wait until then
  TimestampTz changed;      // of the last change of address, state or epoch
  uint64 generation;        // grows when connections made before must not be used any more
  int standby_count;
  Standby standbys[kMaxStandbys];
};

// --- writers (the follower; functions that change nodes).  The database is the caller's own;
// nothing raises, except where said. ---

/// Takes the news by the rules of core/route and wakes everybody who waits for the group.  A new
/// epoch that is Known opens the gate.  Stale also when there is no room (altius.max_groups), with
/// a warning in the log.
core::Applied Publish(int group, const core::Whereabouts& news);

/// A planned switchover of the leader of that epoch is about to begin: new statements wait until
/// `until` at most, those of transactions that are there already go on.  0 opens the gate.  False
/// when the epoch is not the entry's any more.
bool SetGate(int group, const core::Epoch& epoch, TimestampTz until);

/// Replaces the group's standbys (at most kMaxStandbys are kept).
void PublishStandbys(int group, const Standby* standbys, int count);

/// Whether the follower is in contact with a quorum of etcd.  While it is not, an address in
/// pg_dist_node that differs from the book's wins: somebody repairs by hand what nobody follows.
void SetFollowing(bool following);

/// Forgets the group, or all groups of the database (-1): the address is pg_dist_node's again.
void Forget(int group);

/// pg_dist_node has this address for the group's primary now.  Connections elsewhere are cut and
/// waiters woken, unless a follower that is in contact with etcd knows better.
void NoteNewAddress(int group, const char* host, int port);

/// Wakes every backend of this server that uses nodes; they look at the state of the groups they
/// wait for.
void WakeWaiters();

// --- readers ---

/// False when the book has no entry for the group in this database.
bool Lookup(int group, GroupEntry* entry);

/// All entries of this database; at most `capacity`.
int ListGroups(GroupEntry* entries, int capacity);

bool IsFollowing();

/// Grows with every change of any entry.
uint64 BookVersion();

/// altius.max_groups
int BookCapacity();

/// altius.ha_gate_timeout
int GateTimeoutMs();

}  // namespace altius::remote
