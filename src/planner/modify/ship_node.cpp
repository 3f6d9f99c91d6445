// SPDX-License-Identifier: PostgreSQL
// The plan node of a shipped modification, with the texts that shards run.
#include "ship_node.hpp"

#include "altius/deparse/deparse.hpp"
#include "altius/pg/node.hpp"
#include "altius/plan/instantiate.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/nodes/records.hpp"
#include "planner/select/rewrite.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "utils/builtins.h"
}

namespace altius::planner {

namespace {

/// WITH altius_rows(c1, ...) AS (SELECT a1::type1, ... FROM unnest($1::text[], ...) u(a1, ...))
char *RowsClause(const Shipping &shipping) {
  StringInfoData names, casts, arrays, aliases;
  for (StringInfo buffer : {&names, &casts, &arrays, &aliases}) initStringInfo(buffer);
  for (int i = 1; i <= shipping.ship.column_count; i++) {
    auto *target = static_cast<TargetEntry *>(list_nth(shipping.rows->targetList, i - 1));
    Node *expr = pg::AsNode(target->expr);
    const char *comma = i == 1 ? "" : ", ";
    const char *type = format_type_extended(exprType(expr), exprTypmod(expr),
                                            FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
    appendStringInfo(&names, "%sc%d", comma, i);
    // A cast to xml would ask xmloption whether a document is wanted.
    appendStringInfo(&casts, exprType(expr) == XMLOID ? "%sxmlparse(CONTENT a%d)" : "%sa%d::%s", comma, i, type);
    appendStringInfo(&arrays, "%s$%d::text[]", comma, i);
    appendStringInfo(&aliases, "%sa%d", comma, i);
  }
  return psprintf("WITH altius_rows(%s) AS (SELECT %s FROM ROWS FROM (unnest(%s)) AS u(%s)) ", names.data, casts.data,
                  arrays.data, aliases.data);
}

void DescribeResult(CustomScan *scan, const Query *query) {
  ListCell *cell;
  foreach (cell, query->returningList) {
    auto *target = lfirst_node(TargetEntry, cell);
    Node *expr = pg::AsNode(target->expr);
    const Oid type = exprType(expr), collation = exprCollation(expr);
    const int32 typmod = ResultTypmod(expr, query, nullptr);
    const int column = foreach_current_index(cell) + 1;
    auto *null_of_type = reinterpret_cast<Expr *>(makeNullConst(type, typmod, collation));
    scan->custom_scan_tlist =
        lappend(scan->custom_scan_tlist, makeTargetEntry(null_of_type, column, target->resname, false));
    auto *var = reinterpret_cast<Expr *>(makeVar(INDEX_VAR, column, type, typmod, collation, 0));
    scan->scan.plan.targetlist =
        lappend(scan->scan.plan.targetlist, makeTargetEntry(var, column, target->resname, false));
  }
}

constexpr int kShipNodeId = 1 << 20;  // beyond the child's, which are numbered from 0

struct Arguments {
  plan::Ship *ship;
  List *params;  // of Param, in the order of their new numbers
};

/// The client's parameters get numbers behind those of the columns.
Node *NumberParam(Node *node, void *data) {
  auto *arguments = static_cast<Arguments *>(data);
  if (!IsA(node, Param) || reinterpret_cast<Param *>(node)->paramkind != PARAM_EXTERN) return nullptr;
  int index = 0;
  while (index < list_length(arguments->params) && !equal(list_nth(arguments->params, index), node)) index++;
  if (index == list_length(arguments->params)) {
    arguments->params = lappend(arguments->params, pg::Copy(node));
    arguments->ship->arg_types = lappend_oid(arguments->ship->arg_types, reinterpret_cast<Param *>(node)->paramtype);
  }
  auto *numbered = reinterpret_cast<Param *>(pg::Copy(node));
  numbered->paramid = arguments->ship->column_count + index + 1;
  return pg::AsNode(numbered);
}

Node *SpellRowOfTable(Node *node, void *data) {
  if (!IsA(node, Var) || reinterpret_cast<Var *>(node)->varattno != InvalidAttrNumber) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  RangeTblEntry *rte = pg::Rte(static_cast<Query *>(data)->rtable, static_cast<int>(var->varno));
  return rte->rtekind == RTE_RELATION ? SpelledRow(rte, var) : nullptr;
}

/// The scan's columns go by another number than those of relation 1.
Node *SubstituteResult(Node *node, void *) {
  if (!IsA(node, Var)) return nullptr;
  auto *column = reinterpret_cast<Var *>(node);
  return pg::AsNode(ColumnLike(node, INDEX_VAR, column->varattno));
}

List *ComputedTargets(List *computed) {
  List *targets = NIL;
  ListCell *cell;
  foreach (cell, computed) {
    auto *target = flatCopyTargetEntry(lfirst_node(TargetEntry, cell));
    Node *expr = ReplaceInExpr(pg::AsNode(target->expr), SubstituteResult, nullptr);
    target->expr = expression_planner(reinterpret_cast<Expr *>(expr));
    targets = lappend(targets, target);
  }
  return targets;
}

plan::Template TextOf(Shipping *shipping, Query *statement) {
  const char *mark = shipping->ship.moved_column >= 0 ? plan::kMoveMark : "";
  return deparse::TemplateOf(statement, &shipping->ship.tables, psprintf("%s%s", mark, RowsClause(*shipping)));
}

}  // namespace

CustomScan *MakeShipNode(Shipping *shipping, PlannedStmt *child, List *computed) {
  auto *scan = makeNode(CustomScan);
  Plan *below = child->planTree;
  scan->scan.plan.startup_cost = below->total_cost;
  scan->scan.plan.total_cost = below->total_cost;
  scan->scan.plan.plan_rows = below->plan_rows;
  scan->scan.plan.plan_node_id = kShipNodeId;
  scan->scan.plan.extParam = bms_copy(below->extParam);
  scan->scan.plan.allParam = bms_copy(below->allParam);
  scan->custom_plans = list_make1(below);
  scan->methods = GetCustomScanMethods(plan::kShipScan, false);
  shipping->ship.returning = shipping->original->returningList != NIL && shipping->ship.returned_column < 0;
  DescribeResult(scan, shipping->original);
  if (computed != NIL) scan->scan.plan.targetlist = ComputedTargets(computed);
  Arguments arguments = {&shipping->ship, NIL};
  ReplaceInQuery(shipping->statement, NumberParam, &arguments);
  ReplaceInQuery(shipping->statement, SpellRowOfTable, shipping->statement);
  scan->custom_exprs = arguments.params;
  shipping->ship.statement = TextOf(shipping, shipping->statement);
  if (shipping->ship.moved_column >= 0) {
    shipping->ship.leave = TextOf(shipping, shipping->moves.leave);
    shipping->ship.arrive = TextOf(shipping, shipping->moves.arrive);
  }
  scan->custom_private = plan::ToList(shipping->ship);
  return scan;
}

}  // namespace altius::planner
