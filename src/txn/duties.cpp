// SPDX-License-Identifier: PostgreSQL
#include "duties.hpp"

#include <climits>

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/chores.hpp"
#include "maintenance.hpp"
#include "prepared_lists.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"
}

namespace altius::txn {

namespace {

constexpr int kRetryMs = 1000;         // after something was left
constexpr int kLongestRetryMs = 4000;  // somebody may wait for the locks of what is left
constexpr int kLooksAfterWaking = 3;
constexpr int kStandingMs = 5000;       // how long what was found holds
constexpr int kStandingAgainMs = 1000;  // while this server may not act
constexpr int kMostChores = 16;

/// Runs the body in a transaction of its own; an error is logged and ends only the task.  False on
/// an error.
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

TimestampTz After(int ms) { return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms); }

// --- whether this server acts for its group: a copy of a server, started beside it, has its metadata and would end its
// transactions, run its jobs and clean up after its moves ---

core::Standing standing = core::Standing::Unregistered;
TimestampTz next_standing = 0;

void ReadStanding() { standing = LookAtStanding(); }

/// To those who ask why nothing is done.
void ShowStanding() {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(MyDatabaseId, false);
  if (slot != nullptr) slot->standing = standing;
  SpinLockRelease(&shared->lock);
}

void LogStanding(bool before, bool may) {
  if (before && !may) {
    ereport(LOG, (errmsg("this server finishes no prepared transactions and runs no jobs"),
                  errdetail_internal("%s", Describe(standing)),
                  errhint("It begins to when the address leads to it.")));
  }
  if (!before && may) ereport(LOG, (errmsg("this server acts for its group again")));
}

/// `says_so`: one of the processes shows it and writes it to the log.
bool MayActNow(bool says_so) {
  const TimestampTz now = GetCurrentTimestamp();
  if (now < next_standing) return core::MayAct(standing);
  const bool before = core::MayAct(standing);
  if (RecoveryInProgress() || !RunTask("look for this server's address", ReadStanding)) standing = core::Standing::Unknown;
  const bool may = core::MayAct(standing);
  next_standing = TimestampTzPlusMilliseconds(now, may ? kStandingMs : kStandingAgainMs);
  if (!says_so) return may;
  ShowStanding();
  LogStanding(before, may);
  return may;
}

// --- recovery ---

bool recovery_left = false;
TimestampTz next_recovery = 0;
int retry_ms = kRetryMs;
int more_looks = 0;  // a PREPARE under way when its connection was lost may be listed a little later

void Recover() {
  if (catalog::IsActive() && !RecoveryInProgress()) RecoverPrepared(&recovery_left);
}

void RunRecovery(bool woken) {
  const bool due = woken || (recover_interval_ms > 0 && GetCurrentTimestamp() >= next_recovery);
  if (!MayActNow(true)) {
    next_recovery = next_standing;
    return;
  }
  if (!due) return;
  recovery_left = false;
  more_looks = woken ? kLooksAfterWaking : std::max(0, more_looks - 1);
  const bool done = RunTask("recovery of prepared transactions", Recover);
  const bool again = !done || recovery_left || more_looks > 0;
  retry_ms = again ? std::min(retry_ms * 2, kLongestRetryMs) : kRetryMs;
  next_recovery = After(again ? std::min(retry_ms, std::max(recover_interval_ms, kRetryMs)) : recover_interval_ms);
}

/// Where this server stands is looked at even when recovery is off: altius_in_doubt shows it.
TimestampTz NextRecovery() {
  const TimestampTz next = recover_interval_ms > 0 ? std::min(next_recovery, next_standing) : next_standing;
  return std::max<TimestampTz>(1, next);
}

// --- deadlocks ---

TimestampTz next_deadlocks = 0;

void LookForDeadlocks() {
  if (catalog::IsActive()) CheckDeadlocks();
}

/// A wait counts from deadlock_timeout on; looking this often finds it before the second one has
/// passed (factor 2).
int DeadlockPeriodMs() {
  if (deadlock_factor < 0) return INT_MAX;
  return std::max(50, static_cast<int>(DeadlockTimeout * std::max(0.25, (deadlock_factor - 1) / 2)));
}

void RunDeadlocks() {
  if (deadlock_factor < 0 || GetCurrentTimestamp() < next_deadlocks) return;
  if (MayBeStuck(static_cast<int64>(DeadlockTimeout) * 1000)) RunTask("deadlock detection", LookForDeadlocks);
  next_deadlocks = After(DeadlockPeriodMs());
}

// --- chores ---

Chore chores[kMostChores];
TimestampTz next_chore[kMostChores];
int chore_count = 0;

void RunChores(bool woken) {
  if (!MayActNow(false)) return;
  for (int i = 0; i < chore_count; i++) {
    const int period = chores[i].period_ms();
    if (period <= 0 || (!woken && GetCurrentTimestamp() < next_chore[i])) continue;
    RunTask(chores[i].what, chores[i].body);
    next_chore[i] = After(period);
  }
}

TimestampTz NextChore() {
  TimestampTz next = 0;
  for (int i = 0; i < chore_count; i++) {
    if (chores[i].period_ms() > 0 && (next == 0 || next_chore[i] < next)) next = std::max<TimestampTz>(1, next_chore[i]);
  }
  return next == 0 || core::MayAct(standing) ? next : std::max(next, next_standing);
}

bool extension_there = false;

}  // namespace

bool LooksLikeOurs() {
  RunTask("look for the extension", [] { extension_there = catalog::IsActive(); });
  return extension_there;
}

void RunDuty(Duty duty, bool woken) {
  switch (duty) {
    case Duty::Deadlocks: return RunDeadlocks();
    case Duty::Recovery: return RunRecovery(woken);
    case Duty::Chores: return RunChores(woken);
  }
}

TimestampTz NextRun(Duty duty) {
  switch (duty) {
    case Duty::Deadlocks: return deadlock_factor >= 0 ? std::max<TimestampTz>(1, next_deadlocks) : 0;
    case Duty::Recovery: return NextRecovery();
    case Duty::Chores: return NextChore();
  }
  return 0;
}

void AddChore(const Chore& chore) {
  if (chore_count == kMostChores) elog(ERROR, "too many chores");
  chores[chore_count++] = chore;
}

}  // namespace altius::txn
