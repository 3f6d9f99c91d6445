// SPDX-License-Identifier: PostgreSQL
// Settings of background jobs, and how jobs come into being.
#pragma once

#include <string>
#include <vector>

#include "altius/pg/pg.hpp"

namespace altius::rebalance::jobs {

extern int total_executors;     // citus.max_background_task_executors
extern int executors_per_node;  // citus.max_background_task_executors_per_node
extern int queue_interval_ms;   // citus.background_task_queue_interval
extern int most_tries;          // altius.background_task_tries
extern int retry_delay_ms;      // altius.background_task_retry_delay

/// Settings, shared memory, chore.  From _PG_init.
void Init();

/// A task of a job that is yet to be made.
struct NewTask {
  std::string command;     // SQL that may run in a transaction block; names are qualified
  std::vector<int> nodes;  // node ids whose budgets it uses
  std::vector<int> after;  // indexes of earlier tasks that must be done before
  int64 bytes = 0;         // how much work it is, for the estimate of the time left
};

/// Stores a job of the current user; it begins when this transaction commits.  Returns its id. RAII
/// style.
int64 Schedule(const std::string& type, const std::string& description,
               const std::vector<NewTask>& tasks);

}  // namespace altius::rebalance::jobs
