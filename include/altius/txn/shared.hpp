// SPDX-License-Identifier: PostgreSQL
// Shared memory of distributed transactions: which backend of this server works for which
// transaction, and messages to the maintenance workers.
#pragma once

#include "altius/core/txn/commit.hpp"
#include "altius/core/txn/gid.hpp"
#include "altius/pg/pg.hpp"

namespace altius::txn {

/// What one backend shows to the others.
struct BackendEntry {
  int pid;
  Oid database;
  int64 origin;            // global pid of the session it serves; 0: a client's own
  core::TransactionId id;  // not valid when it takes part in none
  uint64 own_number;       // of the transaction that it began itself, also while it works for another node's; 0: none
  core::Phase phase;       // of that one
};

/// Installs the shared memory hooks.  From _PG_init.
void InitShared();

/// Whether shared memory is there (the module was preloaded).
bool HasShared();

/// This backend works for the transaction now; an invalid id: for none.  `own_number`: of the one that it began itself; 0: none.
void PublishTransaction(const core::TransactionId& id, uint64 own_number);

/// How far the transaction has come that this backend began.
void ShowPhase(core::Phase phase);

/// A number that this server has never used for a transaction.
uint64 NextTransactionNumber();

/// Backends of this database that work for a transaction or were seen serving another node.
/// Returned in palloc'd memory.
BackendEntry* ListBackends(int* count);

/// The entry of one backend; pid 0 when there is none.
BackendEntry FindBackend(int pid);

/// Whether this node runs the transaction with that number, begun by the backend `pid` of this
/// server.
bool IsActiveHere(int pid, uint64 number);

/// Marks the backend as a deadlock's victim and interrupts it, if it still runs that transaction
/// (any, if `number` is 0).
bool CancelVictim(int pid, uint64 number);

/// Whether this backend was chosen; stays set until its transaction ends.
bool CancelledByDeadlock();
void ForgetVictim();

/// Raises 40P01 if this backend was chosen as a deadlock's victim.
void RaiseIfDeadlockVictim();

/// At a place that catches errors of local waits: turns a cancel (57014) of a victim into 40P01.
/// Call it from the catch side with the error's code; it raises or returns.
void ConvertCancelOfVictim(int sqlerrcode);

// --- maintenance workers ---

/// Says that this database needs a maintenance worker; starts one soon.  Cheap when it is known.
void NeedMaintenance();

/// Wakes the database's worker: there is something to recover.
void WakeMaintenance();

/// Ends the database's worker and the backends that serve other nodes without a transaction, and
/// keeps the worker away for some seconds: DROP DATABASE waits for all to leave.
void StopMaintenance(Oid database);

/// Test hook: waits at the point, or crashes there, when altius.stop_point names it.
void StopPoint(const char* name);

}  // namespace altius::txn
