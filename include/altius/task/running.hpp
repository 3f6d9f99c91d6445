// SPDX-License-Identifier: PostgreSQL
// The statement that the executor runs: nodes of ours that want to know others of the plan.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "nodes/execnodes.h"
}

namespace altius::task {

/// The innermost one, while it runs.
class Running {
 public:
  explicit Running(const QueryDesc* query) noexcept;
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  const QueryDesc* around_;
};

/// The node with that number (plan_node_id) of the statement that runs; null when it has none, or when another one runs than the one
/// of `estate`.
PlanState* FindRunningNode(const EState* estate, int plan_node);

}  // namespace altius::task
