// SPDX-License-Identifier: PostgreSQL
// A fragment within a query: FROM altius_internal.fragment(<number>, arguments, prune values) AS leaf(columns).
//
// The number is good for the planning of this statement.  It is a constant of type internal, of which SQL can write none but
// null: what a user's statement calls by that name is never a leaf.
#include "leaf.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "altius/plan/ship.hpp"
#include "planner/fragment/estimate.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/planning.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::planner {

namespace {

constexpr double kRowsPerShard = 1000;    // of a table never analysed
constexpr double kRoundTripCost = 100;    // in units of a sequential page read
constexpr double kRowCost = 0.02;         // to fetch one row from another node

Oid CachedLeafFunction() {
  static Oid cached = InvalidOid;
  return InternalFunction("fragment", INTERNALOID, &cached);
}

/// The fragment that the function stands for; null when it stands for none.
plan::Fragment *FindFragment(const RangeTblFunction *function) {
  if (!IsA(function->funcexpr, FuncExpr)) return nullptr;
  const auto *call = reinterpret_cast<const FuncExpr *>(function->funcexpr);
  // Functions of system catalogs are asked for often, and before the extension may exist.
  if (call->funcid < FirstNormalObjectId || call->funcid != CachedLeafFunction() || !IsA(linitial(call->args), Const)) return nullptr;
  const auto *number = linitial_node(Const, call->args);
  if (number->consttype != INTERNALOID || number->constisnull) return nullptr;
  plan::Fragment *fragment = Planning::Find(DatumGetInt64(number->constvalue));
  return fragment != nullptr && equal(fragment->column_types, function->funccoltypes) ? fragment : nullptr;
}

plan::Fragment *FragmentOf(const RangeTblEntry *leaf) {
  plan::Fragment *fragment = FindFragment(linitial_node(RangeTblFunction, leaf->functions));
  if (fragment == nullptr) elog(ERROR, "a leaf stands for no fragment of this planning");
  return fragment;
}

/// What is assumed of tables that were never analysed.
double AssumedRows(const plan::Fragment &fragment) {
  int shards = 1;
  ListCell *cell;
  foreach (cell, fragment.tables) {
    const catalog::Table *table = catalog::FindTable(lfirst_oid(cell));
    if (table != nullptr && table->kind == catalog::TableKind::Hash) shards = table->shard_count;
  }
  const double rows = kRowsPerShard * (fragment.every_shard ? shards : std::max(1, fragment.prune_count));
  return fragment.upper != nullptr ? std::max(1.0, rows / 10) : rows;
}

/// Sets the leaf's size; conditions on it count when it is known.
void SetSizeOfLeaf(PlannerInfo *root, RelOptInfo *rel, const plan::Fragment &fragment) {
  const double known = EstimateRows(fragment);
  if (known < 0) {
    rel->rows = clamp_row_est(AssumedRows(fragment));
    return;
  }
  rel->tuples = EstimateTuples(fragment, known);
  rel->rows = clamp_row_est(known * clauselist_selectivity(root, rel->baserestrictinfo, 0, JOIN_INNER, nullptr));
}

/// The leaf's row as a whole, if the plan reads it: a join with rows that are locked or changed does, also where the scan itself is
/// told of its targets only later.
Var *WholeRowIn(List *exprs, Index rti) {
  ListCell *cell;
  foreach (cell, pull_var_clause(pg::AsNode(exprs), PVC_RECURSE_PLACEHOLDERS | PVC_RECURSE_AGGREGATES)) {
    auto *var = lfirst_node(Var, cell);
    if (var->varno == static_cast<decltype(var->varno)>(rti) && var->varattno == InvalidAttrNumber) return var;
  }
  return nullptr;
}

Plan *PlanFragment(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *targets, List *clauses, List *) {
  CustomScan *scan = MakeFragmentScan(root->simple_rte_array[rel->relid], rel->relid);
  scan->scan.plan.targetlist = targets;
  scan->scan.plan.qual = extract_actual_clauses(clauses, false);
  scan->flags = path->flags;
  Var *whole = WholeRowIn(list_concat_copy(rel->reltarget->exprs, targets), rel->relid);
  if (whole != nullptr) {
    auto *expr = reinterpret_cast<Expr *>(pg::Copy(whole));
    const int column = list_length(scan->custom_scan_tlist) + 1;
    auto *target = makeTargetEntry(expr, column, pstrdup("wholerow"), false);
    scan->custom_scan_tlist = lappend(scan->custom_scan_tlist, target);
  }
  return &scan->scan.plan;
}

/// Rows that were read can be read backward: they are kept for a cursor that may be asked to.  PostgreSQL has none go back over
/// rows that it locks.
uint32 FlagsOf(const plan::Fragment &fragment) {
  const bool rows = fragment.kind == plan::FragmentKind::Rows && !fragment.row_marks;
  return CUSTOMPATH_SUPPORT_PROJECTION | (rows ? CUSTOMPATH_SUPPORT_BACKWARD_SCAN : 0);
}

const CustomPathMethods kLeafMethods = {plan::kFragmentScan, PlanFragment, nullptr};

}  // namespace

RangeTblEntry *MakeLeaf(plan::Fragment *fragment, List *arguments, List *prunes, List *names) {
  auto *number = makeConst(INTERNALOID, -1, InvalidOid, sizeof(int64), Int64GetDatum(Planning::Add(fragment)), false, true);
  List *args = list_concat(lcons(number, list_copy(arguments)), pg::Copy(prunes));
  FuncExpr *call = makeFuncExpr(CachedLeafFunction(), RECORDOID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
  call->funcretset = true;

  auto *function = makeNode(RangeTblFunction);
  function->funcexpr = pg::AsNode(call);
  function->funccolcount = list_length(fragment->column_types);
  function->funccolnames = pg::Copy(names);
  function->funccoltypes = list_copy(fragment->column_types);
  function->funccoltypmods = list_copy(fragment->column_typmods);
  function->funccolcollations = list_copy(fragment->column_collations);

  auto *rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_FUNCTION;
  rte->functions = list_make1(function);
  rte->eref = makeAlias("altius_fragment", pg::Copy(names));
  rte->inFromCl = true;
  return rte;
}

Var *LeafColumn(RangeTblEntry *leaf, int rti, int column) {
  auto *function = linitial_node(RangeTblFunction, leaf->functions);
  return makeVar(rti, column, list_nth_oid(function->funccoltypes, column - 1),
                 list_nth_int(function->funccoltypmods, column - 1),
                 list_nth_oid(function->funccolcollations, column - 1), 0);
}

Query *SelectFromLeaf(RangeTblEntry *leaf, List *targets) {
  Query *query = SelectFrom(leaf);
  ListCell *cell;
  int column = 1;
  foreach (cell, targets) {
    auto *target = flatCopyTargetEntry(lfirst_node(TargetEntry, cell));
    target->expr = reinterpret_cast<Expr *>(LeafColumn(leaf, 1, column++));
    target->ressortgroupref = 0;
    query->targetList = lappend(query->targetList, target);
  }
  query->hasSubLinks = true;  // of arguments, perhaps
  return query;
}

CustomScan *MakeFragmentScan(RangeTblEntry *leaf, int rti) {
  auto *function = linitial_node(RangeTblFunction, leaf->functions);
  auto *call = castNode(FuncExpr, function->funcexpr);
  const plan::Fragment &fragment = *FragmentOf(leaf);
  auto *scan = makeNode(CustomScan);
  scan->flags = FlagsOf(fragment);
  scan->scan.plan.startup_cost = kRoundTripCost;
  scan->scan.plan.plan_rows = AssumedRows(fragment);
  scan->scan.plan.total_cost = kRoundTripCost + kRowCost * scan->scan.plan.plan_rows;
  scan->custom_exprs = list_copy_tail(call->args, 1);
  scan->custom_private = plan::ToList(fragment);
  for (int i = 1; i <= function->funccolcount; i++) {
    char *name = pstrdup(strVal(list_nth(leaf->eref->colnames, i - 1)));
    auto *column = reinterpret_cast<Expr *>(LeafColumn(leaf, rti, i));
    scan->custom_scan_tlist = lappend(scan->custom_scan_tlist, makeTargetEntry(column, i, name, false));
  }
  scan->methods = GetCustomScanMethods(plan::kFragmentScan, false);
  return scan;
}

bool IsLeaf(const RangeTblEntry *rte) {
  return rte->rtekind == RTE_FUNCTION && list_length(rte->functions) == 1 &&
         FindFragment(linitial_node(RangeTblFunction, rte->functions)) != nullptr;
}

void PlanLeaf(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte) {
  if (!IsLeaf(rte)) return;
  const plan::Fragment &fragment = *FragmentOf(rte);
  auto *path = makeNode(CustomPath);
  path->path.pathtype = T_CustomScan;
  path->path.parent = rel;
  path->path.pathtarget = rel->reltarget;
  // Its result may hold columns of other relations, where a lateral subquery around it was pulled up.
  path->path.param_info = get_baserel_parampathinfo(root, rel, rel->lateral_relids);
  SetSizeOfLeaf(root, rel, fragment);
  path->path.rows = rel->rows;
  path->path.startup_cost = kRoundTripCost;
  path->path.total_cost = kRoundTripCost + kRowCost * path->path.rows;
  path->flags = FlagsOf(fragment);
  path->methods = &kLeafMethods;
  rel->pathlist = list_make1(path);
  rel->partial_pathlist = NIL;
}

bool LeafStatistics(const RangeTblEntry *rte, AttrNumber column, VariableStatData *found) {
  return IsLeaf(rte) && FindColumnStatistics(*FragmentOf(rte), column, found);
}

}  // namespace altius::planner

ALTIUS_FUNCTION(altius_fragment) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("altius_internal.fragment can't be called"),
                  errhint("It stands for a part of a distributed plan.")));
  PG_RETURN_NULL();
}
