// SPDX-License-Identifier: PostgreSQL
#include "altius/core/jobs/states.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "altius/base/error.hpp"

namespace altius::core {
namespace {

constexpr std::array<const char*, 7> kJobStates = {"scheduled", "running", "finished", "cancelling",
                                                   "cancelled", "failing", "failed"};
constexpr std::array<const char*, 8> kTaskStates = {
    "blocked", "runnable", "running", "done", "cancelling", "error", "unscheduled", "cancelled"};

template <typename State, std::size_t count>
State Find(const std::array<const char*, count>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw Error("XX000", "unknown state \"" + std::string(name) + "\"");
  return static_cast<State>(found - names.begin());
}

}  // namespace

const char* NameOf(JobState state) noexcept { return kJobStates[static_cast<std::size_t>(state)]; }
const char* NameOf(TaskState state) noexcept {
  return kTaskStates[static_cast<std::size_t>(state)];
}
JobState JobStateOf(std::string_view name) { return Find<JobState>(kJobStates, name); }
TaskState TaskStateOf(std::string_view name) { return Find<TaskState>(kTaskStates, name); }

bool IsFinal(JobState state) noexcept {
  return state == JobState::Finished || state == JobState::Cancelled || state == JobState::Failed;
}

bool IsFinal(TaskState state) noexcept {
  return state == TaskState::Done || state == TaskState::Error || state == TaskState::Unscheduled ||
         state == TaskState::Cancelled;
}

std::int64_t RetryDelayMs(const RetryPolicy& policy, int retries) noexcept {
  const std::int64_t first = policy.first_delay_ms;
  if (retries <= 1) return first;
  return retries == 2 ? 4 * first : 12 * first;
}

bool IsWorthRetrying(std::string_view sqlstate) noexcept {
  const std::string_view category = sqlstate.substr(0, 2);
  // What the statement itself is: features, data, syntax and rights do not change by waiting.
  return category != "0A" && category != "22" && category != "42";
}

Aftermath EndTask(TaskState state, TaskEnd end, int retries, const RetryPolicy& policy) noexcept {
  if (end == TaskEnd::Success) return {TaskState::Done, retries, 0};
  if (state == TaskState::Cancelling) return {TaskState::Cancelled, retries, 0};
  if (end == TaskEnd::Hopeless) return {TaskState::Error, retries, 0};
  const int failures = retries + 1;
  if (failures >= policy.tries) return {TaskState::Error, retries, 0};
  if (end == TaskEnd::Lost && retries == 0) return {TaskState::Runnable, failures, 0};
  return {TaskState::Runnable, failures, RetryDelayMs(policy, failures)};
}

void TaskCounts::Add(TaskState state, int count) noexcept {
  switch (state) {
    case TaskState::Blocked:
      blocked += count;
      break;
    case TaskState::Runnable:
      runnable += count;
      break;
    case TaskState::Running:
      running += count;
      break;
    case TaskState::Done:
      done += count;
      break;
    case TaskState::Cancelling:
      cancelling += count;
      break;
    case TaskState::Error:
      error += count;
      break;
    case TaskState::Unscheduled:
      unscheduled += count;
      break;
    case TaskState::Cancelled:
      cancelled += count;
      break;
  }
}

JobState NextJobState(JobState now, const TaskCounts& tasks) noexcept {
  if (IsFinal(now)) return now;
  if (tasks.unfinished() == 0) {
    if (tasks.cancelled > 0)
      return now == JobState::Failing ? JobState::Failed : JobState::Cancelled;
    if (tasks.error > 0)
      return now == JobState::Cancelling ? JobState::Cancelled : JobState::Failed;
    return JobState::Finished;
  }
  if (now == JobState::Cancelling || now == JobState::Failing) return now;
  if (tasks.error > 0) return JobState::Failing;
  const bool begun = tasks.running + tasks.cancelling + tasks.done + tasks.retried > 0;
  return begun ? JobState::Running : now;
}

std::vector<StateChange> SettleBlocked(std::vector<std::int64_t> blocked,
                                       std::vector<Dependency> dependencies) {
  std::sort(blocked.begin(), blocked.end());
  struct Open {
    int waits = 0;
    bool doomed = false;
  };
  std::map<std::int64_t, Open> open;
  for (const std::int64_t task : blocked) open[task];
  std::multimap<std::int64_t, std::int64_t> dependants;
  std::vector<std::int64_t> doomed;
  const auto doom = [&](std::int64_t task) {
    const auto found = open.find(task);
    if (found == open.end() || found->second.doomed) return;
    found->second.doomed = true;
    doomed.push_back(task);
  };
  for (const Dependency& edge : dependencies) {
    const auto found = open.find(edge.task);
    if (found == open.end() || edge.state == TaskState::Done) continue;
    found->second.waits++;
    dependants.emplace(edge.depends_on, edge.task);
    if (IsFinal(edge.state)) doom(edge.task);
  }
  for (std::size_t i = 0; i < doomed.size(); i++) {
    const auto [first, last] = dependants.equal_range(doomed[i]);
    for (auto it = first; it != last; ++it) doom(it->second);
  }
  std::vector<StateChange> changes;
  for (const auto& [task, state] : open) {
    if (state.doomed)
      changes.push_back({task, TaskState::Unscheduled});
    else if (state.waits == 0)
      changes.push_back({task, TaskState::Runnable});
  }
  return changes;
}

bool HasCycle(const std::vector<Dependency>& dependencies) {
  std::map<std::int64_t, int> waits;
  std::multimap<std::int64_t, std::int64_t> dependants;
  for (const Dependency& edge : dependencies) {
    waits[edge.task]++;
    waits[edge.depends_on];
    dependants.emplace(edge.depends_on, edge.task);
  }
  std::vector<std::int64_t> free;
  for (const auto& [task, count] : waits) {
    if (count == 0) free.push_back(task);
  }
  for (std::size_t i = 0; i < free.size(); i++) {
    const auto [first, last] = dependants.equal_range(free[i]);
    for (auto it = first; it != last; ++it) {
      if (--waits[it->second] == 0) free.push_back(it->second);
    }
  }
  return free.size() != waits.size();
}

}  // namespace altius::core
