// SPDX-License-Identifier: PostgreSQL
// Which tasks start now, and how long the rest will take.
#pragma once

#include <cstdint>
#include <vector>

#include "altius/core/jobs/states.hpp"

namespace altius::core {

struct Task {
  std::int64_t id = 0;
  std::int64_t job = 0;
  TaskState state = TaskState::Runnable;
  std::int64_t not_before = 0;  // microseconds
  bool held = false;            // of a paused job: what runs goes on, nothing starts
  std::vector<int> nodes;       // whose budgets it uses; none: only the total one
  double weight = 1;            // how much work it is, in any unit
};

/// How many tasks may run at once.
struct Budgets {
  int total = 1;
  int per_node = 1;
};

struct Choice {
  std::vector<std::int64_t> start;
  std::int64_t wake_at = 0;  // when the next task that waits for its time may start; 0: none does
};

/// The tasks to start now, given all unfinished ones.  Older jobs come first; within a job that
/// task whose busiest node has the most work before it: the nodes that decide when the job ends are
/// kept busy.
Choice ChooseTasks(const std::vector<Task>& unfinished, const Budgets& budgets, std::int64_t now);

/// What was measured of a finished task.
struct Measured {
  double weight;
  double seconds;
};

/// How long a task takes: a fixed part, and one that grows with its weight.
struct Pace {
  double fixed_seconds = 0;
  double seconds_per_weight = 0;
};

/// The line through what was measured; both parts are at least 0.  At least one measure.
Pace FitPace(const std::vector<Measured>& measured) noexcept;

/// An unfinished task for the estimate.
struct Remaining {
  Task task;
  double fraction_done = 0;  // of a running one
};

/// Seconds until all are done when they run as ChooseTasks lets them, the dependencies left aside.
double SecondsLeft(const std::vector<Remaining>& remaining, const Budgets& budgets,
                   const Pace& pace);

}  // namespace altius::core
