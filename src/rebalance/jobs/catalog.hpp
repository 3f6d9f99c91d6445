// SPDX-License-Identifier: PostgreSQL
// Jobs as the catalog has them: what the monitor reads, and the changes it writes.  Each function
// runs in the current transaction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "altius/core/jobs/schedule.hpp"
#include "altius/pg/pg.hpp"

namespace altius::rebalance::jobs {

struct JobRow {
  int64 id;
  bool locked;  // by this transaction; another one that changes it is under way otherwise
  core::JobState state;
  core::TaskCounts counts;
};

struct TaskRow {
  core::Task task;
  int retries;
  Oid owner;
  bool owner_may_login;
};

/// All jobs that have not ended, and their unfinished tasks.  Their rows are locked first: whoever
/// changes several tasks of a job does so.  A job that somebody else has locked is left as it is,
/// but its tasks count.
struct Queue {
  std::vector<JobRow> jobs;
  std::vector<TaskRow> tasks;
  std::vector<core::Dependency> dependencies;  // of blocked tasks
};
Queue ReadQueue();

/// Whether there is any job that has not ended.  Plain C, for the maintenance worker.
bool HasUnfinishedJobs();

void LockJob(int64 job);

/// A task that was in `before` is in `after` now; false when somebody was faster.
bool ChangeTask(int64 task, core::TaskState before, core::TaskState after);
/// An executor begins with it.
bool MarkStarted(int64 task);
/// What follows from the end of a try; `message` is kept when it is empty.
bool MarkEnded(int64 task, core::TaskState before, const core::Aftermath& after,
               const std::string& message);
/// No executor could be had: it waits a second.
void MarkNotStarted(int64 task, const std::string& message);

void ChangeJob(int64 job, core::JobState state);

core::RetryPolicy Policy();

/// "1 2 3" as numbers.
std::vector<int> NumbersOf(const char* list);

}  // namespace altius::rebalance::jobs
