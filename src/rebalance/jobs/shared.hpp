// SPDX-License-Identifier: PostgreSQL
// Shared memory of background jobs: which database has a monitor, and which executors there are.
//
// It says who is alive now; what a job has come to is in the catalog alone.  After a crash all of
// this is empty, and a task that the catalog calls running has lost its executor.
#pragma once

#include <vector>

#include "altius/pg/pg.hpp"

namespace altius::rebalance::jobs {

/// Reserves the memory.  From _PG_init.
void InitShared();

/// Whoever waits for a change of a job is woken, and so is the database's monitor; one is started
/// when there is none. Raises nothing.
void WakeMonitor();

/// The same once the current transaction has committed.
void WakeMonitorAtCommit();

/// This process is the database's monitor from now on; false when another one is.
bool BecomeMonitor(Oid database);
/// False when somebody has woken it meanwhile: then it goes on.
bool StopBeingMonitor();

/// An executor as the monitor sees it.
struct Executor {
  int slot;
  int64 task;
  int pid;  // 0: has not begun yet
};
std::vector<Executor> ListExecutors(Oid database);

/// Takes a slot for an executor of the task; -1 when there is none.  The owner is the role it runs
/// as.
int ClaimExecutor(Oid database, Oid owner, int64 job, int64 task);
/// Has the postmaster start it; false when there are too many background workers.
bool StartExecutor(int slot);
/// Gives a slot back whose executor never began.
void ReleaseExecutor(int slot);

/// What an executor has to do.
struct Assignment {
  Oid database;  // InvalidOid: nothing, the slot is somebody else's by now
  Oid owner;
  int64 job;
  int64 task;
};
/// This process is the executor; it leaves its slot when it exits.  `argument` is that of its main
/// function.
Assignment BecomeExecutor(Datum argument);

/// Tells those who wait that something has changed.
void NotifyChange();
/// Waits for a change, a second at most; `PrepareToWait` before looking, `EndWait` when there is
/// nothing to wait for.
void PrepareToWait();
void WaitForChange();
void EndWait();

}  // namespace altius::rebalance::jobs
