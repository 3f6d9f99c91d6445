// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "altius/base/error.hpp"
#include "altius/core/jobs/schedule.hpp"
#include "altius/core/jobs/states.hpp"
#include "catch.hpp"

using namespace altius::core;

namespace {

constexpr std::int64_t kMs = 1000;

bool Near(double one, double other) { return std::abs(one - other) < 1e-6; }

Task Move(std::int64_t id, int source, int target, double weight = 1) {
  Task task;
  task.id = id;
  task.job = 1;
  task.nodes = {source, target};
  task.weight = weight;
  return task;
}

std::vector<std::int64_t> Started(const std::vector<Task>& tasks, Budgets budgets) {
  std::vector<std::int64_t> ids = ChooseTasks(tasks, budgets, 0).start;
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// A job in a world where executors succeed, fail, and vanish at random.
class World {
 public:
  World(unsigned seed, int tasks, int nodes) : random_(seed) {
    budgets_ = {1 + Below(4), 1 + Below(2)};
    policy_ = {1 + Below(5), 5000};
    for (int id = 1; id <= tasks; id++) {
      Task task;
      task.id = id;
      task.job = 1;
      task.weight = Below(10);
      for (int i = Below(3); i > 0; i--) task.nodes.push_back(Below(nodes));
      std::sort(task.nodes.begin(), task.nodes.end());
      task.nodes.erase(std::unique(task.nodes.begin(), task.nodes.end()), task.nodes.end());
      for (int other = 1; other < id; other++) {
        if (Below(tasks) == 0) edges_.emplace_back(id, other);
      }
      tasks_[id] = task;
    }
    for (const auto& [task, other] : edges_) tasks_[task].state = TaskState::Blocked;
  }

  /// One look of the monitor, then something happens.
  void Step() {
    Settle();
    job_ = NextJobState(job_, Counts());
    if (IsFinal(job_)) return;
    const Choice choice = ChooseTasks(All(), budgets_, now_);
    for (const std::int64_t id : choice.start) Start(id);
    CheckBudgets();
    const std::vector<std::int64_t> running = Executing();
    if (running.empty()) {
      REQUIRE(choice.wake_at > now_);  // otherwise nothing would ever happen again
      now_ = choice.wake_at;
      return;
    }
    now_ += kMs;
    End(running[static_cast<std::size_t>(Below(static_cast<int>(running.size())))]);
  }

  void Cancel() {
    if (IsFinal(job_)) return;
    job_ = JobState::Cancelling;
    for (auto& [id, task] : tasks_) {
      if (task.state == TaskState::Running) task.state = TaskState::Cancelling;
      if (task.state == TaskState::Blocked || task.state == TaskState::Runnable)
        task.state = TaskState::Cancelled;
    }
  }

  void Run(int cancel_at) {
    for (int step = 0; !IsFinal(job_); step++) {
      REQUIRE(step < 100000);
      if (step == cancel_at) Cancel();
      Step();
    }
  }

  void CheckEnd() const {
    const TaskCounts counts = Counts();
    REQUIRE(counts.unfinished() == 0);
    if (job_ == JobState::Finished) REQUIRE(counts.done == static_cast<int>(tasks_.size()));
    if (job_ == JobState::Failed) REQUIRE(counts.error > 0);
    if (counts.unscheduled > 0) REQUIRE(counts.error > 0);
    for (const auto& [task, other] : edges_) {
      if (tasks_.at(task).state == TaskState::Done)
        REQUIRE(tasks_.at(other).state == TaskState::Done);
      if (tasks_.at(other).state == TaskState::Error)
        REQUIRE(tasks_.at(task).state != TaskState::Done);
    }
    for (const auto& [id, tries] : tries_) REQUIRE(tries <= policy_.tries);
  }

  JobState job() const { return job_; }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  std::vector<Task> All() const {
    std::vector<Task> all;
    for (const auto& [id, task] : tasks_) {
      if (!IsFinal(task.state)) all.push_back(task);
    }
    std::shuffle(all.begin(), all.end(), std::mt19937(5));
    return all;
  }
  TaskCounts Counts() const {
    TaskCounts counts;
    for (const auto& [id, task] : tasks_) counts.Add(task.state);
    counts.retried = static_cast<int>(tries_.size());
    return counts;
  }
  std::vector<std::int64_t> Executing() const {
    std::vector<std::int64_t> ids;
    for (const auto& [id, task] : tasks_) {
      if (IsExecuting(task.state)) ids.push_back(id);
    }
    return ids;
  }
  void Settle() {
    std::vector<std::int64_t> blocked;
    std::vector<Dependency> dependencies;
    for (const auto& [id, task] : tasks_) {
      if (task.state == TaskState::Blocked) blocked.push_back(id);
    }
    for (const auto& [task, other] : edges_)
      dependencies.push_back({task, other, tasks_[other].state});
    for (const StateChange& change : SettleBlocked(blocked, dependencies))
      tasks_[change.task].state = change.state;
    REQUIRE(SettleBlocked({}, dependencies).empty());
  }
  void Start(std::int64_t id) {
    Task& task = tasks_[id];
    REQUIRE(task.state == TaskState::Runnable);  // never twice at once
    REQUIRE(task.not_before <= now_);
    for (const auto& [dependant, other] : edges_) {
      if (dependant == id) REQUIRE(tasks_[other].state == TaskState::Done);
    }
    task.state = TaskState::Running;
    tries_[id]++;
  }
  void End(std::int64_t id) {
    Task& task = tasks_[id];
    const TaskEnd ends[] = {TaskEnd::Success, TaskEnd::Success, TaskEnd::Success,
                            TaskEnd::Success, TaskEnd::Success, TaskEnd::Success,
                            TaskEnd::Failure, TaskEnd::Lost,    TaskEnd::Hopeless};
    const Aftermath after =
        EndTask(task.state, ends[Below(Below(4) == 0 ? 9 : 8)], retries_[id], policy_);
    task.state = after.state;
    retries_[id] = after.retries;
    task.not_before = now_ + after.delay_ms * kMs;
  }
  void CheckBudgets() const {
    std::map<int, int> used;
    for (const std::int64_t id : Executing()) {
      for (const int node : tasks_.at(id).nodes) used[node]++;
    }
    REQUIRE(static_cast<int>(Executing().size()) <= budgets_.total);
    for (const auto& [node, count] : used) REQUIRE(count <= budgets_.per_node);
  }

  std::mt19937 random_;
  std::int64_t now_ = 0;
  Budgets budgets_;
  RetryPolicy policy_;
  JobState job_ = JobState::Scheduled;
  std::map<std::int64_t, Task> tasks_;
  std::map<std::int64_t, int> retries_;
  std::map<std::int64_t, int> tries_;
  std::vector<std::pair<std::int64_t, std::int64_t>> edges_;
};

}  // namespace

TEST_CASE("states have the names that the catalog has") {
  for (int i = 0; i < 7; i++)
    CHECK(JobStateOf(NameOf(static_cast<JobState>(i))) == static_cast<JobState>(i));
  for (int i = 0; i < 8; i++)
    CHECK(TaskStateOf(NameOf(static_cast<TaskState>(i))) == static_cast<TaskState>(i));
  CHECK_THROWS_AS(JobStateOf("asleep"), altius::Error);
}

TEST_CASE("a failed task is tried again later and later, and not for ever") {
  const RetryPolicy policy;
  int retries = 0;
  std::vector<std::int64_t> delays;
  TaskState state = TaskState::Running;
  int tries = 0;
  while (state != TaskState::Error) {
    tries++;
    const Aftermath after = EndTask(TaskState::Running, TaskEnd::Failure, retries, policy);
    state = after.state;
    retries = after.retries;
    delays.push_back(after.delay_ms);
  }
  CHECK(tries == 32);
  CHECK(delays[0] == 5000);
  CHECK(delays[1] == 20000);
  CHECK(delays[2] == 60000);
  CHECK(delays[30] == 60000);
}

TEST_CASE("errors that waiting does not mend are not retried") {
  CHECK(EndTask(TaskState::Running, TaskEnd::Hopeless, 0, {}).state == TaskState::Error);
  for (const char* sqlstate : {"42P01", "42501", "22012", "0A000"})
    CHECK_FALSE(IsWorthRetrying(sqlstate));
  for (const char* sqlstate : {"08006", "40P01", "53100", "55P03", "57014", "XX000", "P0001"}) {
    CHECK(IsWorthRetrying(sqlstate));
  }
}

TEST_CASE("a task whose executor is lost starts again at once the first time") {
  Aftermath after = EndTask(TaskState::Running, TaskEnd::Lost, 0, {});
  CHECK(after.state == TaskState::Runnable);
  CHECK(after.delay_ms == 0);
  after = EndTask(TaskState::Running, TaskEnd::Lost, after.retries, {});
  CHECK(after.state == TaskState::Runnable);
  CHECK(after.delay_ms > 0);
  CHECK(EndTask(TaskState::Running, TaskEnd::Lost, 31, {}).state == TaskState::Error);
}

TEST_CASE("a task that is being cancelled is cancelled unless it had done its work") {
  CHECK(EndTask(TaskState::Cancelling, TaskEnd::Success, 0, {}).state == TaskState::Done);
  CHECK(EndTask(TaskState::Cancelling, TaskEnd::Failure, 0, {}).state == TaskState::Cancelled);
  CHECK(EndTask(TaskState::Cancelling, TaskEnd::Lost, 0, {}).state == TaskState::Cancelled);
}

TEST_CASE("the state of a job follows from those of its tasks") {
  TaskCounts counts;
  CHECK(NextJobState(JobState::Scheduled, counts) == JobState::Finished);
  counts.runnable = 2;
  CHECK(NextJobState(JobState::Scheduled, counts) == JobState::Scheduled);
  counts.running = 1;
  CHECK(NextJobState(JobState::Scheduled, counts) == JobState::Running);
  counts.error = 1;
  CHECK(NextJobState(JobState::Running, counts) == JobState::Failing);
  counts.running = counts.runnable = 0;
  counts.done = 2;
  CHECK(NextJobState(JobState::Failing, counts) == JobState::Failed);
  CHECK(NextJobState(JobState::Running, counts) == JobState::Failed);
  counts.error = 0;
  CHECK(NextJobState(JobState::Running, counts) == JobState::Finished);
  CHECK(NextJobState(JobState::Cancelling, counts) == JobState::Finished);
  counts.cancelled = 1;
  CHECK(NextJobState(JobState::Cancelling, counts) == JobState::Cancelled);
  CHECK(NextJobState(JobState::Failed, counts) == JobState::Failed);
}

TEST_CASE("dependants of a failed task are unscheduled, down the graph") {
  const std::vector<Dependency> edges{{2, 1, TaskState::Error},   {3, 2, TaskState::Blocked},
                                      {4, 3, TaskState::Blocked}, {4, 9, TaskState::Done},
                                      {5, 9, TaskState::Done},    {6, 8, TaskState::Running}};
  const std::vector<StateChange> changes = SettleBlocked({2, 3, 4, 5, 6}, edges);
  CHECK(changes == std::vector<StateChange>{{2, TaskState::Unscheduled},
                                            {3, TaskState::Unscheduled},
                                            {4, TaskState::Unscheduled},
                                            {5, TaskState::Runnable}});
}

TEST_CASE("cycles are seen") {
  CHECK_FALSE(HasCycle({}));
  CHECK_FALSE(HasCycle({{2, 1, {}}, {3, 1, {}}, {4, 2, {}}, {4, 3, {}}}));
  CHECK(HasCycle({{1, 1, {}}}));
  CHECK(HasCycle({{2, 1, {}}, {3, 2, {}}, {1, 3, {}}, {4, 3, {}}}));
}

TEST_CASE("tasks that share no node run at the same time, within the budgets") {
  const std::vector<Task> tasks{Move(1, 1, 3), Move(2, 1, 4), Move(3, 2, 4), Move(4, 2, 3)};
  CHECK(Started(tasks, {10, 1}) == std::vector<std::int64_t>{1, 3});
  CHECK(Started(tasks, {1, 1}) == std::vector<std::int64_t>{1});
  CHECK(Started(tasks, {10, 2}) == std::vector<std::int64_t>{1, 2, 3, 4});
  CHECK(Started(tasks, {3, 2}).size() == 3);
}

TEST_CASE("what runs counts, what is held or not yet due does not start") {
  std::vector<Task> tasks{Move(1, 1, 3), Move(2, 1, 4), Move(3, 2, 4), Move(4, 5, 6),
                          Move(5, 7, 8)};
  tasks[0].state = TaskState::Cancelling;
  tasks[3].held = true;
  tasks[4].not_before = 500;
  const Choice choice = ChooseTasks(tasks, {10, 1}, 100);
  CHECK(choice.start == std::vector<std::int64_t>{3});
  CHECK(choice.wake_at == 500);
  CHECK(ChooseTasks(tasks, {10, 1}, 500).start.size() == 2);
}

TEST_CASE("the node with the most work is kept busy") {
  // Node 1 has three tasks before it: they come first, whatever their numbers.
  const std::vector<Task> tasks{Move(1, 2, 3), Move(2, 6, 4), Move(3, 1, 2), Move(4, 1, 3),
                                Move(5, 1, 4)};
  CHECK(ChooseTasks(tasks, {10, 1}, 0).start.front() >= 3);
}

TEST_CASE("tasks of older jobs come first") {
  std::vector<Task> tasks{Move(1, 1, 2, 1), Move(2, 1, 2, 100)};
  tasks[1].job = 2;
  CHECK(Started(tasks, {10, 1}) == std::vector<std::int64_t>{1});
}

TEST_CASE("jobs end, in every random world, and respect budgets, dependencies and tries") {
  std::map<JobState, int> seen;
  for (unsigned seed = 1; seed <= 400; seed++) {
    INFO("seed " << seed);
    World world(seed, 1 + static_cast<int>(seed % 40), 2 + static_cast<int>(seed % 6));
    world.Run(seed % 3 == 0 ? static_cast<int>(seed % 50) : -1);
    world.CheckEnd();
    seen[world.job()]++;
  }
  CHECK(seen[JobState::Finished] > 20);
  CHECK(seen[JobState::Failed] > 20);
  CHECK(seen[JobState::Cancelled] > 20);
}

TEST_CASE("moves from two nodes to two new ones take half of the serial time") {
  std::vector<Remaining> remaining;
  for (int i = 0; i < 16; i++) remaining.push_back({Move(i, 1 + i / 8, 3 + i % 2), 0});
  CHECK(Near(SecondsLeft(remaining, {1, 1}, {1, 0}), 16));
  CHECK(Near(SecondsLeft(remaining, {4, 1}, {1, 0}), 8));
  CHECK(Near(SecondsLeft(remaining, {4, 2}, {1, 0}), 4));
}

TEST_CASE("random loads: a schedule is never far from the least possible") {
  std::mt19937 random(3);
  for (int round = 0; round < 200; round++) {
    std::vector<Remaining> remaining;
    std::map<int, double> load;
    double most = 0, heaviest = 0;
    const int nodes = 2 + static_cast<int>(random() % 6);
    for (int i = 0; i < 40; i++) {
      const int source = static_cast<int>(random() % static_cast<unsigned>(nodes));
      const int target =
          (source + 1 + static_cast<int>(random() % static_cast<unsigned>(nodes - 1))) % nodes;
      const double weight = 1 + static_cast<double>(random() % 10);
      remaining.push_back({Move(i, source, target, weight), 0});
      for (const int node : {source, target}) most = std::max(most, load[node] += weight);
      heaviest = std::max(heaviest, weight);
    }
    const double seconds = SecondsLeft(remaining, {100, 1}, {0, 1});
    INFO("round " << round << ", " << nodes << " nodes");
    REQUIRE(seconds >= most - 1e-6);
    REQUIRE(seconds <= 1.5 * most + heaviest);
  }
}

TEST_CASE("the pace is read off finished tasks") {
  const Pace line = FitPace({{10, 3}, {20, 5}, {30, 7}});
  CHECK(Near(line.fixed_seconds, 1));
  CHECK(Near(line.seconds_per_weight, 0.2));
  const Pace one = FitPace({{10, 5}});
  CHECK(Near(one.fixed_seconds, 0));
  CHECK(Near(one.seconds_per_weight, 0.5));
  CHECK(FitPace({{10, 5}, {20, 4}}).seconds_per_weight == 0);
  CHECK(FitPace({{10, 1}, {20, 5}}).fixed_seconds == 0);
  CHECK(Near(FitPace({{0, 5}, {0, 7}}).fixed_seconds, 6));
  CHECK(FitPace({}).fixed_seconds == 0);
}

TEST_CASE("half done is half left, and many tasks are estimated fast") {
  std::vector<Remaining> remaining{{Move(1, 1, 2, 10), 0.5}};
  remaining[0].task.state = TaskState::Running;
  CHECK(Near(SecondsLeft(remaining, {1, 1}, {0, 1}), 5));
  remaining.clear();
  for (int i = 0; i < 100000; i++) remaining.push_back({Move(i, i % 50, 50 + i % 50), 0});
  CHECK(Near(SecondsLeft(remaining, {1000, 1}, {0, 1}), 2000));
  CHECK(SecondsLeft({}, {1, 1}, {0, 1}) == 0);
}
