// SPDX-License-Identifier: PostgreSQL
#include "altius/core/jobs/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace altius::core {
namespace {

/// What runs on each node and what is still to be done there.
class Nodes {
 public:
  void Run(const Task& task) {
    total_++;
    for (const int node : task.nodes) running_[node]++;
  }
  void AddWork(const Task& task) {
    for (const int node : task.nodes) work_[node] += task.weight;
  }
  bool Fits(const Task& task, const Budgets& budgets) const {
    if (total_ >= budgets.total) return false;
    return std::all_of(task.nodes.begin(), task.nodes.end(), [&](int node) {
      const auto found = running_.find(node);
      return found == running_.end() || found->second < budgets.per_node;
    });
  }
  double MostWork(const Task& task) const {
    double most = task.weight;
    for (const int node : task.nodes) most = std::max(most, work_.at(node));
    return most;
  }
  double BusiestNode() const {
    double most = 0;
    for (const auto& [node, work] : work_) most = std::max(most, work);
    return most;
  }

 private:
  int total_ = 0;
  std::unordered_map<int, int> running_;
  std::unordered_map<int, double> work_;
};

struct Candidate {
  const Task* task;
  double urgency;
};

bool Before(const Candidate& one, const Candidate& other) {
  if (one.task->job != other.task->job) return one.task->job < other.task->job;
  if (one.urgency != other.urgency) return one.urgency > other.urgency;
  return one.task->id < other.task->id;
}

constexpr std::size_t kMostSimulated = 1000;

double Seconds(const Task& task, const Pace& pace) {
  return pace.fixed_seconds + pace.seconds_per_weight * task.weight;
}

/// No schedule is shorter: the sum over all executors, or the node with most to do.
double LowerBound(const std::vector<Remaining>& remaining, const Budgets& budgets,
                  const Pace& pace) {
  double sum = 0;
  Nodes nodes;
  for (const Remaining& it : remaining) {
    Task scaled = it.task;
    scaled.weight = Seconds(it.task, pace) * (1 - it.fraction_done);
    sum += scaled.weight;
    nodes.AddWork(scaled);
  }
  return std::max(sum / budgets.total, nodes.BusiestNode() / budgets.per_node);
}

}  // namespace

Choice ChooseTasks(const std::vector<Task>& unfinished, const Budgets& budgets, std::int64_t now) {
  Nodes nodes;
  std::vector<Candidate> candidates;
  for (const Task& task : unfinished) {
    nodes.AddWork(task);
    if (IsExecuting(task.state)) nodes.Run(task);
  }
  Choice choice;
  for (const Task& task : unfinished) {
    if (task.state != TaskState::Runnable || task.held) continue;
    if (task.not_before > now) {
      if (choice.wake_at == 0 || task.not_before < choice.wake_at) choice.wake_at = task.not_before;
    } else {
      candidates.push_back({&task, nodes.MostWork(task)});
    }
  }
  std::sort(candidates.begin(), candidates.end(), Before);
  for (const Candidate& it : candidates) {
    if (!nodes.Fits(*it.task, budgets)) continue;
    nodes.Run(*it.task);
    choice.start.push_back(it.task->id);
  }
  return choice;
}

Pace FitPace(const std::vector<Measured>& measured) noexcept {
  double n = 0, weight = 0, seconds = 0;
  for (const Measured& it : measured) {
    n++;
    weight += it.weight;
    seconds += it.seconds;
  }
  if (n == 0) return {};
  const double mean_weight = weight / n, mean_seconds = seconds / n;
  double both = 0, square = 0;
  for (const Measured& it : measured) {
    both += (it.weight - mean_weight) * (it.seconds - mean_seconds);
    square += (it.weight - mean_weight) * (it.weight - mean_weight);
  }
  // Weights that hardly differ say nothing about the slope.
  const bool spread = square > n * 0.01 * mean_weight * mean_weight;
  const double slope = spread ? both / square : mean_weight > 0 ? mean_seconds / mean_weight : 0;
  if (slope <= 0) return {mean_seconds, 0};
  const double fixed = mean_seconds - slope * mean_weight;
  if (fixed < 0) return {0, seconds / weight};
  return {fixed, slope};
}

double SecondsLeft(const std::vector<Remaining>& remaining, const Budgets& budgets,
                   const Pace& pace) {
  if (remaining.size() > kMostSimulated) return LowerBound(remaining, budgets, pace);
  std::vector<Task> open;
  std::unordered_map<std::int64_t, double> left;  // seconds, of all tasks
  for (const Remaining& it : remaining) {
    open.push_back(it.task);
    Task& task = open.back();
    if (!IsExecuting(task.state)) task.state = TaskState::Runnable;
    task.held = false;
    task.not_before = 0;
    left[task.id] = Seconds(it.task, pace) * (1 - std::clamp(it.fraction_done, 0.0, 1.0));
  }
  double passed = 0;
  while (!open.empty()) {
    for (const std::int64_t id : ChooseTasks(open, budgets, 0).start) {
      const auto found =
          std::find_if(open.begin(), open.end(), [&](const Task& it) { return it.id == id; });
      found->state = TaskState::Running;
    }
    double step = INFINITY;
    for (const Task& task : open) {
      if (IsExecuting(task.state)) step = std::min(step, left[task.id]);
    }
    if (std::isinf(step)) break;  // budgets of 0
    passed += step;
    for (const Task& task : open) {
      if (IsExecuting(task.state)) left[task.id] -= step;
    }
    open.erase(
        std::remove_if(open.begin(), open.end(),
                       [&](const Task& it) { return IsExecuting(it.state) && left[it.id] <= 0; }),
        open.end());
  }
  return passed;
}

}  // namespace altius::core
