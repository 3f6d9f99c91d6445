// SPDX-License-Identifier: PostgreSQL
// What the follower shows in shared memory, beside the address book: for altius_ha_status, and what
// the recorder is to write.
#pragma once

#include "altius/remote/address_book.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace altius::ha {

/// A standby that pg_dist_node shall have.
struct Secondary {
  char host[256];
  int port;
};

/// Of one group, in words and numbers.
struct GroupStatus {
  int group;
  core::Whereabouts at;
  TimestampTz since;         // of the state
  TimestampTz last_event;    // a key of the group changed
  TimestampTz leader_named;  // the last leader was named ...
  TimestampTz verified;      // ... and found to accept writes
  int probes;                // since it was named
  double probe_ms;           // of the last one
  bool gated;
  bool paused;       // Patroni's pause mode
  bool synchronous;  // Patroni's synchronous mode
  char rule[64];     // the last one taken
  char probe[192];   // what the last probe found
  char note[384];    // what keeps it from being known, complaints about keys
  // What the recorder is to write, and has.
  bool settled;  // `secondaries` says which standbys there are
  int secondary_count;
  Secondary secondaries[remote::kMaxStandbys];
  char recorded[384];  // why it is not in pg_dist_node yet; empty: it is
};

struct FollowerStatus {
  int pid;  // 0: none
  Oid database;
  bool following;
  char etcd_state[24];
  char endpoint[256];
  uint64 cluster_id;
  int64 revision;
  int syncs;
  TimestampTz last_contact;
  char problem[512];
  char recorder_problem[512];
};

/// From _PG_init.
void InitShared();
bool HasShared();

// --- the follower ---

/// Also at its end, with a pid of 0: nothing but the words is left then.
void ShowFollower(const FollowerStatus& status);
/// Keeps `recorded`.  False: there is no room.
bool ShowGroup(const GroupStatus& status);
void ForgetGroups();

// --- the recorder ---

/// Something is to be written: wakes the recorder; false: there is none, one is to be started.
bool WakeRecorder();

/// False when another one is at work.
bool BecomeRecorder();
uint64 RecorderTurn();
/// Ends this recorder, unless it was woken after `turn`.
bool ResignRecorder(uint64 turn);
void NoteRecorded(int group, const char* problem);
void NoteRecorderProblem(const char* problem);

// --- everybody ---

FollowerStatus ReadFollower();
/// At most `capacity`.
int ReadGroups(GroupStatus* groups, int capacity);

/// The group is to be looked at as if it had never been seen, or all (-1); wakes the follower.
void AskToForget(int group);
/// What was asked since the last call: INT_MIN nothing, -1 all.
int TakeForgetWish();

/// The follower's latch, for those who have news for it.
void SetFollowerLatch(Latch* latch);

}  // namespace altius::ha
