// SPDX-License-Identifier: PostgreSQL
// The processes of maintenance of a database with the extension.  The launcher starts the worker, which breaks deadlocks and starts
// two helpers, for recovery and for chores: these may wait for nodes and locks, and nothing waits for them.  Where no background
// worker is free the worker does their part too.
#include "maintenance.hpp"

#include <climits>

#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/rights.hpp"
#include "duties.hpp"
#include "launcher.hpp"

extern "C" {
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
}

namespace altius::txn {

int recover_interval_ms = 60000;
double deadlock_factor = 2.0;

namespace {

constexpr int kLongestSleepMs = 60000;
constexpr int kLookMs = 5000;
constexpr int kHelperAgainMs = 1000;
constexpr int kNoHelperAgainMs = 10000;
constexpr const char* kConnectTimeoutMs = "3000";  // a node that is gone must not hold up the others

uint32 idle_event = 0;
Oid my_database = InvalidOid;
Duty my_duty = Duty::Deadlocks;
bool ours = false;  // the extension is there

int IndexOf(Duty duty) { return static_cast<int>(duty); }

// --- shared memory ---

void LeaveDatabase(int code, Datum) {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  Latch* launcher = shared->launcher;
  if (slot != nullptr && slot->worker == MyProcPid) {
    slot->worker = 0;
    slot->latches[IndexOf(Duty::Deadlocks)] = nullptr;
    if (ours) slot->wanted = true;  // come again
    if (!ours && code == 0) slot->database = InvalidOid;
    slot->not_before = std::max<int64>(slot->not_before, GetCurrentTimestamp() + USECS_PER_SEC);
  }
  SpinLockRelease(&shared->lock);
  if (launcher != nullptr) SetLatch(launcher);
}

/// False when the database has a worker already.
bool ClaimDatabase() {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, true);
  const bool mine = slot != nullptr && slot->worker <= 0;
  if (mine) {
    slot->worker = MyProcPid;
    slot->latches[IndexOf(Duty::Deadlocks)] = MyLatch;
    slot->wanted = false;
  }
  SpinLockRelease(&shared->lock);
  if (mine) before_shmem_exit(LeaveDatabase, 0);
  return mine;
}

void LeaveDuty(int, Datum) {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  if (slot != nullptr && slot->latches[IndexOf(my_duty)] == MyLatch) slot->latches[IndexOf(my_duty)] = nullptr;
  SpinLockRelease(&shared->lock);
}

/// False when the database is not looked after any more.
bool ClaimDuty() {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  if (slot != nullptr) slot->latches[IndexOf(my_duty)] = MyLatch;
  SpinLockRelease(&shared->lock);
  before_shmem_exit(LeaveDuty, 0);
  return slot != nullptr;
}

bool TakeWokenFlag(Duty duty) {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  const bool woken = slot != nullptr && slot->woken[IndexOf(duty)];
  if (slot != nullptr) slot->woken[IndexOf(duty)] = false;
  SpinLockRelease(&shared->lock);
  return woken;
}

// --- helpers, as the worker sees them ---

struct Helper {
  Duty duty;
  const char* name;
  BackgroundWorkerHandle* handle;
  TimestampTz not_before;
  bool refused;  // no background worker was free
};

Helper helpers[] = {{Duty::Recovery, "recovery", nullptr, 0, false}, {Duty::Chores, "chores", nullptr, 0, false}};

void StopHelpers(int, Datum) {
  for (const Helper& helper : helpers) {
    if (helper.handle != nullptr) TerminateBackgroundWorker(helper.handle);
  }
}

void Start(Helper* helper) {
  BackgroundWorker worker = {};
  snprintf(worker.bgw_name, BGW_MAXLEN, "altius maintenance worker (%s) for database %u", helper->name, my_database);
  snprintf(worker.bgw_type, BGW_MAXLEN, "altius maintenance worker (%s)", helper->name);
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_notify_pid = MyProcPid;
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "altius");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "altius_maintenance_helper_main");
  worker.bgw_main_arg = ObjectIdGetDatum(my_database);
  worker.bgw_extra[0] = static_cast<char>(IndexOf(helper->duty));
  const MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
  const bool there = RegisterDynamicBackgroundWorker(&worker, &helper->handle);
  MemoryContextSwitchTo(old);
  if (!there && !helper->refused) {
    ereport(LOG, (errmsg("no background worker is free for altius's %s", helper->name),
                  errdetail("The maintenance worker does its part; deadlock detection may wait for that."),
                  errhint("Raise max_worker_processes.")));
  }
  helper->refused = !there;
  helper->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), there ? kHelperAgainMs : kNoHelperAgainMs);
}

void LookAfter(Helper* helper) {
  pid_t pid;
  if (helper->handle != nullptr && GetBackgroundWorkerPid(helper->handle, &pid) == BGWH_STOPPED) {
    pfree(helper->handle);
    helper->handle = nullptr;
  }
  if (helper->handle == nullptr && GetCurrentTimestamp() >= helper->not_before) Start(helper);
}

// --- a process's life ---

void WaitUntil(TimestampTz next) {
  const long wait = next == 0 ? kLongestSleepMs : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
  WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, std::min<long>(wait, kLongestSleepMs),
            pg::NamedWaitEvent(&idle_event, "AltiusMaintenance"));
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
}

void BeginProcess() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(my_database, InvalidOid, 0);
  pg::BeginSuperusersProcess();
  SetConfigOption("citus.node_connection_timeout", kConnectTimeoutMs, PGC_USERSET, PGC_S_SESSION);
  SetConfigOption("altius.failover_timeout", "0", PGC_USERSET, PGC_S_SESSION);
}

bool IsStillOurs() {
  static TimestampTz next_look = 0;
  const TimestampTz now = GetCurrentTimestamp();
  if (now < next_look) return ours;
  next_look = TimestampTzPlusMilliseconds(now, kLookMs);
  return ours = LooksLikeOurs();
}

TimestampTz Earlier(TimestampTz a, TimestampTz b) { return a == 0 || (b != 0 && b < a) ? b : a; }

TimestampTz RunAndNext(Duty duty) {
  RunDuty(duty, TakeWokenFlag(duty));
  return NextRun(duty);
}

void WorkerMain() {
  BeginProcess();
  if (!ClaimDatabase()) return;
  before_shmem_exit(StopHelpers, 0);
  while (IsStillOurs()) {
    TimestampTz next = RunAndNext(Duty::Deadlocks);
    for (Helper& helper : helpers) {
      LookAfter(&helper);
      next = Earlier(next, helper.refused ? RunAndNext(helper.duty) : helper.handle == nullptr ? helper.not_before : 0);
    }
    WaitUntil(next);
  }
}

void HelperMain() {
  BeginProcess();
  if (!ClaimDuty()) return;
  while (IsStillOurs()) WaitUntil(RunAndNext(my_duty));
}

}  // namespace

void InitMaintenance() {
  DefineCustomIntVariable("citus.recover_2pc_interval",
                          "Sets how often prepared transactions are recovered.", "-1 turns it off.",
                          &recover_interval_ms, 60000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
                          nullptr, nullptr, nullptr);
  DefineCustomRealVariable(
      "citus.distributed_deadlock_detection_factor",
      "Distributed deadlocks are broken within this many times deadlock_timeout.",
      "-1 turns the detection off.", &deadlock_factor, 2.0, -1.0, 1000.0, PGC_SIGHUP, 0, nullptr,
      nullptr, nullptr);
  RegisterLauncher();
}

}  // namespace altius::txn

extern "C" {
ALTIUS_EXPORT void altius_maintenance_main(Datum arg);
ALTIUS_EXPORT void altius_maintenance_helper_main(Datum arg);
}

void altius_maintenance_main(Datum arg) {
  altius::pg::Entry([&] {
    altius::txn::my_database = DatumGetObjectId(arg);
    altius::txn::WorkerMain();
  });
  proc_exit(0);
}

void altius_maintenance_helper_main(Datum arg) {
  altius::pg::Entry([&] {
    altius::txn::my_database = DatumGetObjectId(arg);
    altius::txn::my_duty = static_cast<altius::txn::Duty>(MyBgworkerEntry->bgw_extra[0]);
    altius::txn::HelperMain();
  });
  proc_exit(0);
}
