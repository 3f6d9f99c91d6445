// SPDX-License-Identifier: PostgreSQL
#include "altius/task/running.hpp"

#include "altius/pg/walk.hpp"

namespace altius::task {

namespace {

const QueryDesc* innermost = nullptr;

struct Search {
  int plan_node;
  PlanState* found;
};

bool Visit(PlanState* state, void* context) {
  if (state == nullptr) return false;
  auto* search = static_cast<Search*>(context);
  if (state->plan->plan_node_id == search->plan_node) search->found = state;
  return search->found != nullptr || pg::WalkStates(state, Visit, context);
}

}  // namespace

Running::Running(const QueryDesc* query) noexcept : around_(innermost) { innermost = query; }

Running::~Running() { innermost = around_; }

PlanState* FindRunningNode(const EState* estate, int plan_node) {
  if (innermost == nullptr || innermost->estate != estate) return nullptr;
  Search search = {plan_node, nullptr};
  Visit(innermost->planstate, &search);
  ListCell* cell;
  foreach (cell, estate->es_subplanstates)
    if (search.found == nullptr) Visit(static_cast<PlanState*>(lfirst(cell)), &search);
  return search.found;
}

}  // namespace altius::task
