// SPDX-License-Identifier: PostgreSQL
// The monitor: one process for each database with unfinished jobs.  It looks at the queue, writes
// what follows from it (core/jobs decides), starts executors, and sleeps until something happens.
// When no job is left it goes.
#include <set>

#include "altius/catalog/metadata.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/txn/chores.hpp"
#include "catalog.hpp"
#include "jobs.hpp"
#include "monitor.hpp"
#include "session.hpp"
#include "shared.hpp"

extern "C" {
#include "access/xlog.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance::jobs {
namespace {

constexpr int64 kMs = 1000;
constexpr int64 kCancelAgainUs = 1000 * kMs;
constexpr int64 kTerminateAfterUs = 60000 * kMs;
constexpr int64 kErrorPauseMs = 5000;

uint32 idle_event = 0;

/// A task that is being cancelled: when its executor was last told.
struct Cancel {
  int64 first = 0;
  int64 last = 0;
};

struct Start {
  int slot;
  int64 task;
};

class Monitor {
 public:
  explicit Monitor(Oid database) : database_(database) {}

  /// Looks until nothing changes any more; false when there is nothing to do at all.  `*wait_ms`:
  /// until the next look.
  bool Tend(int64* wait_ms) {
    for (;;) {
      changed_ = false;
      starts_.clear();
      bool any = false;
      InTransaction([&] { any = Look(wait_ms); });
      if (changed_) NotifyChange();
      LaunchExecutors();
      if (!any) return false;
      if (!changed_) return true;
    }
  }

 private:
  bool Look(int64* wait_ms) {
    executors_ = ListExecutors(
        database_);  // before the catalog: an executor leaves after it has written its end
    queue_ = ReadQueue();
    if (queue_.jobs.empty()) return false;
    for (TaskRow& it : queue_.tasks) {
      if (IsLocked(it)) FindLost(&it);
    }
    Settle();
    for (const JobRow& job : queue_.jobs) MoveOn(job);
    if (!changed_) Choose(wait_ms);
    PassCancelsOn(wait_ms);
    return true;
  }

  bool IsLocked(const TaskRow& it) const {
    return std::any_of(queue_.jobs.begin(), queue_.jobs.end(),
                       [&](const JobRow& job) { return job.id == it.task.job && job.locked; });
  }

  const Executor* ExecutorOf(int64 task) const {
    for (const Executor& it : executors_) {
      if (it.task == task) return &it;
    }
    return nullptr;
  }

  /// The catalog says that it runs, but nobody runs it.
  void FindLost(TaskRow* it) {
    if (!core::IsExecuting(it->task.state) || ExecutorOf(it->task.id) != nullptr) return;
    const core::Aftermath after =
        core::EndTask(it->task.state, core::TaskEnd::Lost, it->retries, Policy());
    changed_ |= MarkEnded(
        it->task.id, it->task.state, after,
        "the process that ran the task ended without a word; the server's log may say why");
  }

  void Settle() {
    std::vector<int64> blocked;
    for (const TaskRow& it : queue_.tasks) {
      if (it.task.state == core::TaskState::Blocked && IsLocked(it)) blocked.push_back(it.task.id);
    }
    if (blocked.empty()) return;
    for (const core::StateChange& change : core::SettleBlocked(blocked, queue_.dependencies)) {
      changed_ |= ChangeTask(change.task, core::TaskState::Blocked, change.state);
    }
  }

  void MoveOn(const JobRow& job) {
    const core::JobState next = core::NextJobState(job.state, job.counts);
    if (!job.locked || next == job.state) return;
    ChangeJob(job.id, next);
    changed_ = true;
    if (next == core::JobState::Failed) {
      const int64 id = job.id;
      pg::Call([&] { ereport(LOG, (errmsg("background job " INT64_FORMAT " failed", id))); });
    }
  }

  void Choose(int64* wait_ms) {
    std::vector<core::Task> tasks;
    for (const TaskRow& it : queue_.tasks) tasks.push_back(it.task);
    const int64 now = UnixMicroseconds();
    const core::Choice choice =
        core::ChooseTasks(tasks, {total_executors, executors_per_node}, now);
    const std::set<int64> chosen(choice.start.begin(), choice.start.end());
    for (const TaskRow& it : queue_.tasks) {
      if (chosen.count(it.task.id) > 0) Begin(it);
    }
    if (choice.wake_at > now) *wait_ms = std::min(*wait_ms, (choice.wake_at - now) / kMs + 1);
  }

  void Begin(const TaskRow& it) {
    if (!it.owner_may_login) {
      changed_ |= MarkEnded(it.task.id, it.task.state, {core::TaskState::Error, it.retries, 0},
                            "the task's owner does not exist any more or may not log in");
      return;
    }
    const int slot = ClaimExecutor(database_, it.owner, it.task.job, it.task.id);
    if (slot < 0) return;
    if (MarkStarted(it.task.id)) {
      starts_.push_back({slot, it.task.id});
      changed_ = true;
    } else {
      ReleaseExecutor(slot);
    }
  }

  /// Their tasks are marked and committed.
  void LaunchExecutors() {
    for (const Start& start : starts_) {
      const int slot = start.slot;
      if (pg::Call([&] { return StartExecutor(slot); })) continue;
      ReleaseExecutor(slot);
      InTransaction([&] {
        MarkNotStarted(
            start.task,
            "waits for a background worker of the server: max_worker_processes are in use");
      });
      pg::Call([] {
        ereport(LOG, (errmsg("no background worker is left for a task"),
                      errhint("Raise max_worker_processes.")));
      });
    }
  }

  void PassCancelsOn(int64* wait_ms) {
    std::map<int64, Cancel> cancels;
    const int64 now = UnixMicroseconds();
    for (const TaskRow& it : queue_.tasks) {
      if (it.task.state != core::TaskState::Cancelling) continue;
      Cancel cancel = cancels_[it.task.id];
      if (cancel.first == 0) cancel.first = now;
      const Executor* executor = ExecutorOf(it.task.id);
      if (executor != nullptr && executor->pid != 0 && now - cancel.last >= kCancelAgainUs) {
        kill(executor->pid, now - cancel.first > kTerminateAfterUs ? SIGTERM : SIGINT);
        cancel.last = now;
      }
      cancels[it.task.id] = cancel;
      *wait_ms = std::min<int64>(*wait_ms, kCancelAgainUs / kMs);
    }
    cancels_ = std::move(cancels);
  }

  const Oid database_;
  Queue queue_;
  std::vector<Executor> executors_;
  std::vector<Start> starts_;
  std::map<int64, Cancel> cancels_;
  bool changed_ = false;
};

void Sleep(int64 wait_ms) {
  pg::Call([&] {
    pgstat_report_activity(STATE_IDLE, nullptr);
    pgstat_report_stat(true);
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(wait_ms),
              pg::NamedWaitEvent(&idle_event, "AltiusJobMonitor"));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  });
  ReloadSettingsIfAsked();
}

bool MayWork() {
  bool may = false;
  InTransaction([&] {
    may = queue_interval_ms >= 0 &&
          pg::Call([] { return catalog::IsActive() && catalog::IsCoordinator(); });
  });
  return may;
}

void MonitorMain(Oid database) {
  ConnectWorker(database, InvalidOid, "altius job monitor");
  if (!BecomeMonitor(database)) return;
  Monitor monitor(database);
  for (;;) {
    int64 wait_ms = queue_interval_ms;
    bool busy = false;
    try {
      busy = MayWork() && monitor.Tend(&wait_ms);
    } catch (const pg::Error& error) {
      if (error.sqlerrcode() == ERRCODE_ADMIN_SHUTDOWN) throw;
      const char* message = error.what();
      pg::Call(
          [&] { ereport(LOG, (errmsg("looking at the background jobs failed: %s", message))); });
      busy = true;
      wait_ms = kErrorPauseMs;
    }
    if (!busy && StopBeingMonitor()) return;
    if (busy) Sleep(std::max<int64>(wait_ms, 1));
  }
}

/// The maintenance worker's part: after a restart or a failover nobody else knows of the jobs.
void StartMonitorIfNeeded() {
  if (RecoveryInProgress() || !catalog::IsActive() || !catalog::IsCoordinator()) return;
  if (HasUnfinishedJobs()) WakeMonitor();
}

}  // namespace

void AddMonitorChore() {
  txn::AddChore(
      {"looking for background jobs", [] { return queue_interval_ms; }, StartMonitorIfNeeded});
}

}  // namespace altius::rebalance::jobs

extern "C" {
ALTIUS_EXPORT void altius_job_monitor_main(Datum arg);
}

void altius_job_monitor_main(Datum arg) {
  altius::pg::Entry([&] { altius::rebalance::jobs::MonitorMain(DatumGetObjectId(arg)); });
  proc_exit(0);
}
