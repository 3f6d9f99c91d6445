// SPDX-License-Identifier: PostgreSQL
// What can become of background jobs and their tasks: which state follows which, when a task is
// tried again, and what the end of one task means for the others.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace altius::core {

/// Named as the labels of citus_job_status.
enum class JobState : std::uint8_t {
  Scheduled,  // no task has begun
  Running,
  Finished,    // all tasks are done
  Cancelling,  // somebody wants it to end; tasks still run
  Cancelled,
  Failing,  // a task is in error; others may still run
  Failed,
};

/// Named as the labels of citus_task_status.
enum class TaskState : std::uint8_t {
  Blocked,   // waits for other tasks
  Runnable,  // may start
  Running,
  Done,
  Cancelling,   // runs, and is asked to stop
  Error,        // failed for good
  Unscheduled,  // depends on a task that failed
  Cancelled,
};

const char* NameOf(JobState state) noexcept;
const char* NameOf(TaskState state) noexcept;
/// Throws Error for an unknown name.
JobState JobStateOf(std::string_view name);
TaskState TaskStateOf(std::string_view name);

/// Nothing follows.
bool IsFinal(JobState state) noexcept;
bool IsFinal(TaskState state) noexcept;

/// Has an executor.
constexpr bool IsExecuting(TaskState state) noexcept {
  return state == TaskState::Running || state == TaskState::Cancelling;
}

struct RetryPolicy {
  int tries = 32;             // in all
  int first_delay_ms = 5000;  // before the second try; then four times, then twelve times as long
};

/// How long after its `retries`-th failure (from 1) a task is tried again.
std::int64_t RetryDelayMs(const RetryPolicy& policy, int retries) noexcept;

/// Whether another try of a task that failed with this SQLSTATE may end otherwise.
bool IsWorthRetrying(std::string_view sqlstate) noexcept;

enum class TaskEnd : std::uint8_t {
  Success,
  Failure,   // an error that may go away
  Hopeless,  // an error that won't
  Lost,      // the executor is gone without a word: a crash, a restart or a failover of the server
};

struct Aftermath {
  TaskState state;
  int retries;
  std::int64_t delay_ms;  // of a runnable task
};

/// What becomes of an executing task that has failed `retries` times before.  A lost executor
/// counts as a failure, so that a task that brings the server down does not do so for ever; but the
/// first time it starts again at once.
Aftermath EndTask(TaskState state, TaskEnd end, int retries, const RetryPolicy& policy) noexcept;

struct TaskCounts {
  int blocked = 0, runnable = 0, running = 0, done = 0, cancelling = 0, error = 0, unscheduled = 0,
      cancelled = 0;
  int retried = 0;  // runnable ones that have run before

  void Add(TaskState state, int count = 1) noexcept;
  int unfinished() const noexcept { return blocked + runnable + running + cancelling; }
};

JobState NextJobState(JobState now, const TaskCounts& tasks) noexcept;

/// `task` starts after `depends_on`, which is in this state.
struct Dependency {
  std::int64_t task;
  std::int64_t depends_on;
  TaskState state;
};

struct StateChange {
  std::int64_t task;
  TaskState state;

  friend bool operator==(const StateChange&, const StateChange&) = default;
};

/// What follows for blocked tasks: those whose dependencies are all done become runnable, those
/// with one that will never be done unscheduled, and so on down the graph.  `dependencies` are all
/// those of the blocked tasks.
std::vector<StateChange> SettleBlocked(std::vector<std::int64_t> blocked,
                                       std::vector<Dependency> dependencies);

/// Whether the dependencies have a cycle (whose tasks would wait for ever).
bool HasCycle(const std::vector<Dependency>& dependencies);

}  // namespace altius::core
