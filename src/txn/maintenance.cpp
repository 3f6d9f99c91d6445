// SPDX-License-Identifier: PostgreSQL
// The maintenance worker: one for each database with the extension.  It finishes what crashes left
// and breaks deadlocks.
#include "maintenance.hpp"

#include <climits>

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/rights.hpp"
#include "altius/txn/chores.hpp"
#include "altius/txn/shared.hpp"
#include "launcher.hpp"
#include "prepared_lists.hpp"
#include "shared_state.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

int recover_interval_ms = 60000;
double deadlock_factor = 2.0;

namespace {

constexpr int kRetryMs = 1000;  // after something was left
constexpr int kLongestRetryMs = 4000;  // somebody may wait for the locks of what is left
constexpr int kLooksAfterWaking = 3;
constexpr const char* kConnectTimeoutMs =
    "3000";  // a node that is gone must not hold up the others

constexpr int kMostChores = 16;

uint32 idle_event = 0;
Oid my_database = InvalidOid;
Chore chores[kMostChores];
TimestampTz next_chore[kMostChores];
int chore_count = 0;

/// Runs the body in a transaction of its own; an error is logged and ends only the task.  False on
/// error.
bool RunTask(const char* what, void (*body)()) {
  bool failed = false;
  try {
    pg::Call([&] {
      SetCurrentStatementStartTimestamp();
      StartTransactionCommand();
      XactIsoLevel = XACT_READ_COMMITTED;  // recovery must see records committed meanwhile,
                                           // whatever the default is
      PushActiveSnapshot(GetTransactionSnapshot());
      pgstat_report_activity(STATE_RUNNING, what);
      body();
      PopActiveSnapshot();
      CommitTransactionCommand();
    });
  } catch (const pg::Error& error) {
    failed = true;
    pg::Call([&] {
      AbortCurrentTransaction();
      if (error.sqlerrcode() == ERRCODE_ADMIN_SHUTDOWN) proc_exit(1);
      ereport(LOG, (errmsg("%s failed: %s", what, error.what())));
    });
  }
  pgstat_report_activity(STATE_IDLE, nullptr);
  pgstat_report_stat(true);
  return !failed;
}

bool extension_there = false;
bool recovery_left = false;

void LookForExtension() { extension_there = catalog::IsActive(); }

void Recover() {
  if (catalog::IsActive() && !RecoveryInProgress()) RecoverPrepared(&recovery_left);
}

constexpr int kStandingMs = 5000;       // how long what was found holds
constexpr int kStandingAgainMs = 1000;  // while this server may not act

core::Standing standing = core::Standing::Unregistered;
TimestampTz next_standing = 0;

void ReadStanding() { standing = LookAtStanding(); }

/// To those who ask why nothing is done.
void ShowStanding() {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  if (slot != nullptr) slot->standing = standing;
  SpinLockRelease(&shared->lock);
}

/// Whether this server acts for its group: a copy of a server, started beside it, has its metadata and would end its
/// transactions, run its jobs and clean up after its moves.
bool MayActNow() {
  const TimestampTz now = GetCurrentTimestamp();
  if (now < next_standing) return core::MayAct(standing);
  const bool before = core::MayAct(standing);
  if (RecoveryInProgress() || !RunTask("look for this server's address", ReadStanding)) standing = core::Standing::Unknown;
  const bool may = core::MayAct(standing);
  ShowStanding();
  next_standing = TimestampTzPlusMilliseconds(now, may ? kStandingMs : kStandingAgainMs);
  if (before && !may) {
    ereport(LOG, (errmsg("this server finishes no prepared transactions and runs no jobs"),
                  errdetail_internal("%s", Describe(standing)),
                  errhint("It begins to when the address leads to it.")));
  }
  if (!before && may) ereport(LOG, (errmsg("this server acts for its group again")));
  return may;
}

void LookForDeadlocks() {
  if (catalog::IsActive()) CheckDeadlocks();
}

void LeaveDatabase(int code, Datum) {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  Latch* launcher = shared->launcher;
  if (slot != nullptr && slot->worker == MyProcPid) {
    slot->worker = 0;
    slot->latch = nullptr;
    if (extension_there) slot->wanted = true;  // come again
    if (!extension_there && code == 0) slot->database = InvalidOid;
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
    slot->latch = MyLatch;
    slot->wanted = false;
  }
  SpinLockRelease(&shared->lock);
  if (mine) before_shmem_exit(LeaveDatabase, 0);
  return mine;
}

bool TakeWokenFlag() {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(my_database, false);
  const bool woken = slot != nullptr && slot->woken;
  if (slot != nullptr) slot->woken = false;
  SpinLockRelease(&shared->lock);
  return woken;
}

/// A wait counts from deadlock_timeout on; looking this often finds it before the second one has
/// passed (factor 2).
int DeadlockPeriodMs() {
  if (deadlock_factor < 0) return INT_MAX;
  return std::max(50,
                  static_cast<int>(DeadlockTimeout * std::max(0.25, (deadlock_factor - 1) / 2)));
}

struct Schedule {
  TimestampTz next_recovery = 0;
  TimestampTz next_deadlocks = 0;
  int retry_ms = kRetryMs;
  int more_looks =
      0;  // a PREPARE under way when its connection was lost may be listed a little later
};

void RunChores(bool woken) {
  for (int i = 0; i < chore_count; i++) {
    const int period = chores[i].period_ms();
    if (period <= 0 || (!woken && GetCurrentTimestamp() < next_chore[i])) continue;
    RunTask(chores[i].what, chores[i].body);
    next_chore[i] = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), period);
  }
}

void RunDue(Schedule* schedule) {
  const TimestampTz now = GetCurrentTimestamp();
  const bool woken = TakeWokenFlag();
  const bool enabled = recover_interval_ms > 0;
  const bool acts = MayActNow();
  if (!acts) {
    schedule->next_recovery = next_standing;
  } else if (woken || (enabled && now >= schedule->next_recovery)) {
    recovery_left = false;
    schedule->more_looks = woken ? kLooksAfterWaking : std::max(0, schedule->more_looks - 1);
    const bool done = RunTask("recovery of prepared transactions", Recover);
    const bool again = !done || recovery_left || schedule->more_looks > 0;
    schedule->retry_ms = again ? std::min(schedule->retry_ms * 2, kLongestRetryMs) : kRetryMs;
    const int wait = again ? std::min(schedule->retry_ms, std::max(recover_interval_ms, kRetryMs))
                           : recover_interval_ms;
    schedule->next_recovery = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait);
  }
  if (deadlock_factor >= 0 && now >= schedule->next_deadlocks) {
    if (MayBeStuck(static_cast<int64>(DeadlockTimeout) * 1000))
      RunTask("deadlock detection", LookForDeadlocks);
    schedule->next_deadlocks =
        TimestampTzPlusMilliseconds(GetCurrentTimestamp(), DeadlockPeriodMs());
  }
  if (acts) RunChores(woken);
}

void WaitForNext(const Schedule& schedule) {
  TimestampTz next = deadlock_factor >= 0 ? schedule.next_deadlocks : schedule.next_recovery;
  if (recover_interval_ms > 0) next = std::min(next, schedule.next_recovery);
  for (int i = 0; i < chore_count; i++) {
    if (chores[i].period_ms() > 0) next = std::min(next, std::max(next_chore[i], core::MayAct(standing) ? 0 : next_standing));
  }
  const long wait =
      next == 0 ? 60000 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
  WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, std::min(wait, 60000L),
            pg::NamedWaitEvent(&idle_event, "AltiusMaintenance"));
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
}

void WorkerMain() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(my_database, InvalidOid, 0);
  pg::BeginSuperusersProcess();
  if (!ClaimDatabase()) return;
  SetConfigOption("citus.node_connection_timeout", kConnectTimeoutMs, PGC_USERSET, PGC_S_SESSION);
  SetConfigOption("altius.failover_timeout", "0", PGC_USERSET, PGC_S_SESSION);
  Schedule schedule;
  TimestampTz next_look = 0;
  for (;;) {
    const TimestampTz now = GetCurrentTimestamp();
    if (now >= next_look) {
      RunTask("look for the extension", LookForExtension);
      if (!extension_there) return;
      next_look = TimestampTzPlusMilliseconds(now, 5000);
    }
    RunDue(&schedule);
    WaitForNext(schedule);
  }
}

}  // namespace

void AddChore(const Chore& chore) {
  if (chore_count == kMostChores) elog(ERROR, "too many chores");
  chores[chore_count++] = chore;
}

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
}

void altius_maintenance_main(Datum arg) {
  altius::pg::Entry([&] {
    altius::txn::my_database = DatumGetObjectId(arg);
    altius::txn::WorkerMain();
  });
  proc_exit(0);
}
