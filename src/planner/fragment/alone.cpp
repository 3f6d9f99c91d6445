// SPDX-License-Identifier: PostgreSQL
// The fast way: a statement that is one fragment and nothing else needs no planning by PostgreSQL.
#include "alone.hpp"

#include "altius/pg/node.hpp"
#include "leaf.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

namespace {

/// Columns of the scan in the order of the leaf's.
bool IsPlainTarget(const TargetEntry *target) {
  if (!IsA(target->expr, Var)) return false;
  auto *var = reinterpret_cast<const Var *>(target->expr);
  return var->varno == 1 && var->varattno > 0 && var->varlevelsup == 0;
}

bool IsLeafAlone(const Query *query) {
  if (query->commandType != CMD_SELECT || list_length(query->rtable) != 1 || query->cteList != NIL) return false;
  auto *rte = linitial_node(RangeTblEntry, query->rtable);
  if (!IsLeaf(rte) || query->jointree->quals != nullptr || query->setOperations != nullptr) return false;
  if (query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs || query->groupClause != NIL) return false;
  if (query->distinctClause != NIL || query->sortClause != NIL || query->rowMarks != NIL) return false;
  if (query->limitCount != nullptr || query->limitOffset != nullptr || query->havingQual != nullptr) return false;
  ListCell *cell;
  foreach (cell, query->targetList) {
    if (!IsPlainTarget(lfirst_node(TargetEntry, cell))) return false;
  }
  auto *function = linitial_node(RangeTblFunction, rte->functions);
  return !checkExprHasSubLink(function->funcexpr);
}

List *ScanTargets(const Query *query) {
  List *targets = NIL;
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = pg::Copy(lfirst_node(TargetEntry, cell));
    auto *var = reinterpret_cast<Var *>(target->expr);
    target->expr = reinterpret_cast<Expr *>(
        makeVar(INDEX_VAR, var->varattno, var->vartype, var->vartypmod, var->varcollid, 0));
    targets = lappend(targets, target);
  }
  return targets;
}

}  // namespace

PlannedStmt *PlanAlone(Query *query) {
  if (!IsLeafAlone(query)) return nullptr;
  auto *rte = linitial_node(RangeTblEntry, query->rtable);
  CustomScan *scan = MakeFragmentScan(rte, 1);
  scan->scan.plan.targetlist = ScanTargets(query);
  auto *plan = makeNode(PlannedStmt);
  ListCell *cell;
  foreach (cell, scan->custom_exprs) {
    List *relations = NIL, *items = NIL;
    lfirst(cell) = expression_planner_with_deps(static_cast<Expr *>(lfirst(cell)), &relations, &items);
    plan->relationOids = list_concat(plan->relationOids, relations);
    plan->invalItems = list_concat(plan->invalItems, items);
  }
  plan->commandType = CMD_SELECT;
  plan->planTree = &scan->scan.plan;
  auto *entry = makeNode(RangeTblEntry);
  *entry = *rte;
  entry->functions = NIL;
  plan->rtable = list_make1(entry);
  return plan;
}

}  // namespace altius::planner
