// SPDX-License-Identifier: PostgreSQL
#include "altius/task/finish.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"

#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

struct Finisher {
  const CustomExecMethods* methods;
  void (*finish)(CustomScanState*);
};

Finisher finishers[4];
int finisher_count = 0;
bool installed = false;
ExecutorFinish_hook_type next_finish = nullptr;

bool FinishBelow(PlanState* state, void* context) {
  if (state == nullptr) return false;
  if (IsA(state, CustomScanState)) {
    auto* custom = castNode(CustomScanState, state);
    for (int i = 0; i < finisher_count; i++) {
      if (finishers[i].methods == custom->methods) finishers[i].finish(custom);
    }
  }
  return pg::WalkStates(state, FinishBelow, context);
}

void FinishAll(QueryDesc* query) {
  const EState* estate = query->estate;
  if (estate == nullptr ||
      (estate->es_subplanstates == NIL && !query->plannedstmt->hasModifyingCTE))
    return;
  if ((estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0) return;
  // A portal that is being closed has none active.
  PushActiveSnapshot(estate->es_snapshot);
  ListCell* cell;
  foreach (cell, estate->es_subplanstates)
    FinishBelow(static_cast<PlanState*>(lfirst(cell)), nullptr);
  FinishBelow(query->planstate, nullptr);
  PopActiveSnapshot();
}

void FinishHook(QueryDesc* query) {
  pg::Entry([&] {
    FinishAll(query);
    if (next_finish != nullptr) {
      next_finish(query);
    } else {
      standard_ExecutorFinish(query);
    }
  });
}

}  // namespace

void RegisterFinisher(const CustomExecMethods* methods, void (*finish)(CustomScanState*)) {
  if (finisher_count < static_cast<int>(lengthof(finishers)))
    finishers[finisher_count++] = {methods, finish};
}

bool SetsTag(const CustomScanState* state, CmdType command) {
  const PlannedStmt* statement = state->ss.ps.state->es_plannedstmt;
  if (command == CMD_SELECT || statement->commandType == CMD_SELECT) return false;
  const Plan* plan = statement->planTree;
  while (plan != nullptr && plan != state->ss.ps.plan) {
    plan = IsA(plan, CustomScan) && reinterpret_cast<const CustomScan*>(plan)->custom_plans != NIL
               ? static_cast<const Plan*>(
                     linitial(reinterpret_cast<const CustomScan*>(plan)->custom_plans))
               : plan->lefttree;
  }
  return plan != nullptr;
}

bool IsWholeTransaction(const EState* estate) {
  if (IsTransactionBlock() || GetCurrentTransactionNestLevel() > 1 || ActivePortal == nullptr)
    return false;
  // Only the simple protocol says with the statement that it is alone: a client that pipelines may
  // add more before its Sync. Portals of functions and of EXECUTE have names or plans of their own.
  return ActivePortal->name[0] == '\0' && ActivePortal->cplan == nullptr &&
         list_length(ActivePortal->stmts) == 1 &&
         linitial(ActivePortal->stmts) == estate->es_plannedstmt;
}

void InstallFinishHook() {
  if (installed) return;
  installed = true;
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = FinishHook;
}

}  // namespace altius::task
