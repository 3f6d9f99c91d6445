// SPDX-License-Identifier: PostgreSQL
// The layout of floor txn's shared memory.
#pragma once

#include "altius/core/txn/commit.hpp"
#include "altius/core/txn/gid.hpp"
#include "altius/core/txn/recovery.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/spin.h"
}

namespace altius::txn {

struct BackendSlot {
  slock_t lock;
  int pid;  // 0: free
  Oid database;
  int64 origin;
  core::TransactionId id;  // what it works for
  uint64 own_number;       // of the transaction that it began itself
  core::Phase phase;       // of that one
  bool victim;
};

inline constexpr int kMaxDatabases = 64;

inline constexpr int kStartNonceBytes = 16;

/// What maintenance does: each in a process of its own, so that none waits for what another one waits for.
enum class Duty : int { Deadlocks, Recovery, Chores };
inline constexpr int kDuties = 3;

/// A database that has or may have the extension.
struct DatabaseSlot {
  Oid database;             // InvalidOid: free
  int worker;               // pid of its maintenance worker; 0: none
  bool wanted;              // the launcher shall start one
  bool woken[kDuties];      // there is something to recover
  bool absent;              // looked: the extension is not there
  core::Standing standing;  // as its recovery saw it last
  Latch* latches[kDuties];  // of the processes; the first is the worker's
  int64 not_before;         // timestamp before which no worker is started
};

struct SharedState {
  uint8 start_nonce[kStartNonceBytes];  // no other start of a server has it
  pg_atomic_uint64 next_number;
  pg_atomic_uint64 stop_releases;  // counts calls of release_stop_points
  slock_t lock;                    // of what follows
  Latch* launcher;
  DatabaseSlot databases[kMaxDatabases];
  int backend_count;
  BackendSlot backends[FLEXIBLE_ARRAY_MEMBER];
};

extern SharedState* shared;

/// The start's nonce as text.
const char* StartNonce();

/// The slot of the database, made if there is room; null otherwise.  Call with shared->lock held.
DatabaseSlot* SlotOfDatabase(Oid database, bool make);

}  // namespace altius::txn
