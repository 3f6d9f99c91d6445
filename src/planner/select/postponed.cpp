// SPDX-License-Identifier: PostgreSQL
#include "postponed.hpp"

#include "altius/core/evaluation/late_columns.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

namespace {

namespace evaluation = core::evaluation;

constexpr int kCheapOperators = 10;  // "Expressions Evaluated Late": PostgreSQL's own measure

evaluation::Selection Describe(const Query *query) {
  return {query->sortClause != NIL, query->limitCount != nullptr, query->distinctClause != NIL, query->hasTargetSRFs};
}

bool IsLate(const evaluation::Selection &selection, const TargetEntry *target) {
  Node *expr = pg::AsNode(target->expr);
  evaluation::ResultColumn column;
  column.compared = target->resjunk || target->ressortgroupref != 0;
  column.plain = IsA(expr, Var);
  if (column.compared || column.plain) return false;
  column.subquery = checkExprHasSubLink(expr);
  column.is_volatile = contain_volatile_functions(expr);
  if (!column.subquery && !column.is_volatile) {
    QualCost cost;
    cost_qual_eval_node(&cost, expr, nullptr);
    column.costly = cost.per_tuple > kCheapOperators * cpu_operator_cost;
  }
  return evaluation::WhyLate(selection, column) != evaluation::Late::No;
}

/// What comes out of FROM, groups and windows.
bool IsInput(Query *query, Node *node) {
  if (IsA(node, Var)) return reinterpret_cast<Var *>(node)->varlevelsup == 0;
  return IsA(node, Aggref) || IsA(node, WindowFunc) || IsA(node, GroupingFunc) || IsPlaceCall(node) || IsGroupExpr(query, node);
}

int NumberOf(const List *targets, Node *expr) {
  ListCell *cell;
  foreach (cell, targets) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (equal(target->expr, expr)) return target->resno;
  }
  return 0;
}

Node *AddInput(Node *node, void *data) {
  auto *query = static_cast<Query *>(data);
  if (!IsInput(query, node)) return nullptr;
  if (NumberOf(query->targetList, node) == 0) {
    auto *expr = pg::Copy(reinterpret_cast<Expr *>(node));
    const int number = list_length(query->targetList) + 1;
    query->targetList = lappend(query->targetList, makeTargetEntry(expr, static_cast<AttrNumber>(number), nullptr, true));
  }
  return node;
}

struct Above {
  const List *below;  // the targets that the relation delivers
  int rti;
};

Node *InputColumn(Node *node, void *data) {
  const auto *above = static_cast<Above *>(data);
  const int number = NumberOf(above->below, node);
  return number == 0 || IsA(node, Const) ? nullptr : pg::AsNode(ColumnLike(node, above->rti, number));
}

}  // namespace

bool PostponeColumns(Query *query, Postponed *postponed) {
  const evaluation::Selection selection = Describe(query);
  if (!selection.sorted || !selection.counted) return false;
  *postponed = {query->targetList, NIL};
  ListCell *cell;
  foreach (cell, query->targetList) {
    if (IsLate(selection, lfirst_node(TargetEntry, cell))) postponed->late = lappend_int(postponed->late, foreach_current_index(cell));
  }
  if (postponed->late == NIL) return false;
  query->targetList = pg::Copy(query->targetList);
  foreach (cell, postponed->late) {
    auto *target = list_nth_node(TargetEntry, query->targetList, lfirst_int(cell));
    target->expr = reinterpret_cast<Expr *>(makeNullConst(INT4OID, -1, InvalidOid));
  }
  foreach (cell, postponed->late) {
    const auto *target = list_nth_node(TargetEntry, postponed->targets, lfirst_int(cell));
    (void)ReplaceInExpr(pg::Copy(pg::AsNode(target->expr)), AddInput, query);
  }
  return true;
}

void RestoreColumns(Query *query, const Postponed &postponed) { query->targetList = postponed.targets; }

void ComputePostponed(Query *query, const Postponed &postponed, const List *below, int rti) {
  Above above = {below, rti};
  query->targetList = list_truncate(query->targetList, list_length(postponed.targets));
  ListCell *cell;
  foreach (cell, postponed.late) {
    Node *expr = pg::Copy(pg::AsNode(list_nth_node(TargetEntry, postponed.targets, lfirst_int(cell))->expr));
    list_nth_node(TargetEntry, query->targetList, lfirst_int(cell))->expr =
        reinterpret_cast<Expr *>(ReplaceInExpr(expr, InputColumn, &above));
  }
}

}  // namespace altius::planner
