// SPDX-License-Identifier: PostgreSQL
// Conditions of triggers ask how deep they stand (WHEN (pg_trigger_depth() = 0)): whoever could say so, could switch them off.  So
// only what a node says counts, in a statement SET of its own; functions of users, which run in nodes' sessions, have no say.
#include "altius/door/door.hpp"

#include <climits>

extern "C" {
#include "access/parallel.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/portal.h"
}

namespace altius::door {

namespace {

int told_depth = 0;

bool IsSetStatement() {
  if (ActivePortal == nullptr || list_length(ActivePortal->stmts) != 1) return false;
  const Node* command = linitial_node(PlannedStmt, ActivePortal->stmts)->utilityStmt;
  return command != nullptr && IsA(command, VariableSetStmt);
}

bool Check(int* value, void**, GucSource source) {
  if (*value == told_depth || source < PGC_S_SESSION || IsParallelWorker() || InitializingParallelWorker || IsSetStatement()) return true;
  GUC_check_errmsg("parameter \"altius.trigger_depth\" is set by other nodes");
  return false;
}

}  // namespace

int TriggerDepth() {
  return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, Int32GetDatum(0))) + (IsNodeSession() ? told_depth : 0);
}

void InitTriggerDepth() {
  DefineCustomIntVariable("altius.trigger_depth", "In how many triggers the statement was sent to this node.", nullptr, &told_depth,
                          0, 0, INT_MAX, PGC_USERSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, Check, nullptr, nullptr);
}

}  // namespace altius::door
