// SPDX-License-Identifier: PostgreSQL
#include "shared.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance::jobs {
namespace {

constexpr int kMostDatabases = 64;
constexpr int64 kStartTimeoutUs = 20 * USECS_PER_SEC;
constexpr long kWaitMs = 1000;

struct MonitorSlot {
  Oid database;  // InvalidOid: free
  int pid;       // 0: none
  bool woken;
  Latch* latch;
  TimestampTz starting;  // when one was last asked for; 0: it has begun or ended
};

struct ExecutorSlot {
  int64 task;  // 0: free
  int64 job;
  Oid database;
  Oid owner;
  int pid;
  uint32
      turn;  // counts the slot's uses: a worker that comes too late must not take another's place
  TimestampTz claimed;
};

struct JobsShared {
  slock_t lock;
  ConditionVariable changed;
  MonitorSlot monitors[kMostDatabases];
  int executor_count;
  ExecutorSlot executors[FLEXIBLE_ARRAY_MEMBER];
};

JobsShared* shared = nullptr;
uint32 wait_event = 0;
bool wake_at_commit = false;
int my_slot = -1;

Size SharedSize() {
  return add_size(offsetof(JobsShared, executors),
                  mul_size(sizeof(ExecutorSlot), max_worker_processes));
}

void TakeMemory(void* memory, bool fresh) {
  shared = static_cast<JobsShared*>(memory);
  if (!fresh) return;
  SpinLockInit(&shared->lock);
  ConditionVariableInit(&shared->changed);
  shared->executor_count = max_worker_processes;
}

/// With the lock held.
MonitorSlot* MonitorOf(Oid database, bool make) {
  MonitorSlot* free = nullptr;
  for (MonitorSlot& slot : shared->monitors) {
    if (slot.database == database) return &slot;
    if (slot.database == InvalidOid && free == nullptr) free = &slot;
  }
  if (!make || free == nullptr) return nullptr;
  *free = MonitorSlot{};
  free->database = database;
  return free;
}

void FillWorker(BackgroundWorker* worker, const char* type, const char* function, Datum argument) {
  worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker->bgw_restart_time = BGW_NEVER_RESTART;
  worker->bgw_main_arg = argument;
  snprintf(worker->bgw_type, BGW_MAXLEN, "%s", type);
  snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name), "altius");
  snprintf(worker->bgw_function_name, sizeof(worker->bgw_function_name), "%s", function);
}

bool LaunchMonitor(Oid database) {
  BackgroundWorker worker = {};
  FillWorker(&worker, "altius job monitor", "altius_job_monitor_main", ObjectIdGetDatum(database));
  snprintf(worker.bgw_name, BGW_MAXLEN, "altius job monitor for database %u", database);
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

void LeaveMonitor(int, Datum) {
  SpinLockAcquire(&shared->lock);
  MonitorSlot* slot = MonitorOf(MyDatabaseId, false);
  if (slot != nullptr && slot->pid == MyProcPid) *slot = MonitorSlot{};
  SpinLockRelease(&shared->lock);
}

void LeaveExecutor(int, Datum) {
  SpinLockAcquire(&shared->lock);
  ExecutorSlot* mine = &shared->executors[my_slot];
  MonitorSlot* monitor = MonitorOf(mine->database, false);
  Latch* latch = nullptr;
  if (monitor != nullptr) {
    monitor->woken = true;
    latch = monitor->latch;
  }
  mine->task = 0;
  SpinLockRelease(&shared->lock);
  if (latch != nullptr) SetLatch(latch);
}

void AtTransactionEnd(XactEvent event, void*) {
  if (!wake_at_commit) return;
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) {
    wake_at_commit = false;
    if (event == XACT_EVENT_COMMIT) WakeMonitor();
  }
}

}  // namespace

void InitShared() {
  pg::RegisterShared({"altius jobs", SharedSize, TakeMemory, nullptr});
}

void WakeMonitor() {
  const TimestampTz now = GetCurrentTimestamp();
  bool start = false;
  SpinLockAcquire(&shared->lock);
  MonitorSlot* slot = MonitorOf(MyDatabaseId, true);
  Latch* latch = nullptr;
  if (slot != nullptr) {
    slot->woken = true;
    latch = slot->latch;
    start = slot->pid == 0 && now > slot->starting + kStartTimeoutUs;
    if (start) slot->starting = now;
  }
  SpinLockRelease(&shared->lock);
  if (latch != nullptr) SetLatch(latch);
  NotifyChange();
  if (!start || LaunchMonitor(MyDatabaseId)) return;
  ereport(LOG, (errmsg("no background worker is left for the monitor of background jobs"),
                errhint("Raise max_worker_processes.")));
  SpinLockAcquire(&shared->lock);
  if (slot->database == MyDatabaseId) slot->starting = 0;
  SpinLockRelease(&shared->lock);
}

void WakeMonitorAtCommit() {
  static bool registered = false;
  if (!registered) {
    RegisterXactCallback(
        [](XactEvent event, void* argument) {
          pg::Entry([&] { AtTransactionEnd(event, argument); });
        },
        nullptr);
    registered = true;
  }
  wake_at_commit = true;
}

bool BecomeMonitor(Oid database) {
  SpinLockAcquire(&shared->lock);
  MonitorSlot* slot = MonitorOf(database, true);
  const bool mine = slot != nullptr && slot->pid == 0;
  if (mine) {
    slot->pid = MyProcPid;
    slot->latch = MyLatch;
    slot->starting = 0;
  }
  SpinLockRelease(&shared->lock);
  if (mine) before_shmem_exit(LeaveMonitor, 0);
  return mine;
}

bool StopBeingMonitor() {
  SpinLockAcquire(&shared->lock);
  MonitorSlot* slot = MonitorOf(MyDatabaseId, false);
  const bool stopped = !slot->woken;
  slot->woken = false;
  if (stopped) *slot = MonitorSlot{};
  SpinLockRelease(&shared->lock);
  return stopped;
}

std::vector<Executor> ListExecutors(Oid database) {
  std::vector<Executor> list;
  list.reserve(static_cast<size_t>(shared->executor_count));  // nothing may be thrown below
  const TimestampTz now = GetCurrentTimestamp();
  SpinLockAcquire(&shared->lock);
  for (int i = 0; i < shared->executor_count; i++) {
    ExecutorSlot* slot = &shared->executors[i];
    if (slot->task == 0 || slot->database != database) continue;
    if (slot->pid == 0 && now > slot->claimed + kStartTimeoutUs) {
      slot->task = 0;  // it never came up
    } else {
      list.push_back({i, slot->task, slot->pid});
    }
  }
  SpinLockRelease(&shared->lock);
  return list;
}

int ClaimExecutor(Oid database, Oid owner, int64 job, int64 task) {
  int found = -1;
  const TimestampTz now = GetCurrentTimestamp();
  SpinLockAcquire(&shared->lock);
  for (int i = 0; i < shared->executor_count && found < 0; i++) {
    ExecutorSlot* slot = &shared->executors[i];
    if (slot->task != 0) continue;
    *slot = ExecutorSlot{task, job, database, owner, 0, slot->turn + 1, now};
    found = i;
  }
  SpinLockRelease(&shared->lock);
  return found;
}

bool StartExecutor(int slot) {
  const ExecutorSlot& it = shared->executors[slot];
  BackgroundWorker worker = {};
  FillWorker(&worker, "altius task executor", "altius_task_executor_main",
             Int64GetDatum(static_cast<int64>(it.turn) << 32 | slot));
  snprintf(worker.bgw_name, BGW_MAXLEN,
           "altius executor of task " INT64_FORMAT " of job " INT64_FORMAT, it.task, it.job);
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

void ReleaseExecutor(int slot) {
  SpinLockAcquire(&shared->lock);
  shared->executors[slot].task = 0;
  SpinLockRelease(&shared->lock);
}

Assignment BecomeExecutor(Datum argument) {
  const int64 number = DatumGetInt64(argument);
  const int index = static_cast<int>(number & 0xffffffff);
  Assignment assignment{};
  SpinLockAcquire(&shared->lock);
  ExecutorSlot* slot = &shared->executors[index];
  if (slot->task != 0 && slot->pid == 0 && slot->turn == static_cast<uint32>(number >> 32)) {
    slot->pid = MyProcPid;
    assignment = {slot->database, slot->owner, slot->job, slot->task};
  }
  SpinLockRelease(&shared->lock);
  if (assignment.database == InvalidOid) return assignment;
  my_slot = index;
  on_shmem_exit(LeaveExecutor, 0);
  return assignment;
}

void NotifyChange() { ConditionVariableBroadcast(&shared->changed); }

void PrepareToWait() { ConditionVariablePrepareToSleep(&shared->changed); }

void WaitForChange() {
  ConditionVariableTimedSleep(&shared->changed, kWaitMs,
                              pg::NamedWaitEvent(&wait_event, "AltiusJobWait"));
}

void EndWait() { ConditionVariableCancelSleep(); }

}  // namespace altius::rebalance::jobs
