// SPDX-License-Identifier: PostgreSQL
// A hash join builds a table of its inner rows, the smaller side, before it asks for the outer
// ones.  By then the true keys are known, and a fragment among the outer rows need not deliver rows
// with others.  Here it is found which fragment that is.
#include "key_filters.hpp"

#include <algorithm>

#include "altius/core/evaluation/missing_rows.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/settings.hpp"
#include "altius/plan/fragment.hpp"
#include "altius/plan/key_filter.hpp"
#include "altius/plan/ship.hpp"

extern "C" {
#include "access/transam.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::planner {

namespace {

namespace evaluation = core::evaluation;
using evaluation::Step;

bool enabled = true;

constexpr double kFewestRows = 500;  // a fragment of fewer is not worth it
constexpr double kWorthWhile = 0.7;  // of the rows come, at most
constexpr double kMostKeys = 50000;  // as many fit into the hash table of a join, and into a message

/// A column of what a plan delivers, seen through to the fragment it comes from.
struct Source {
  CustomScan *scan;  // null: it is no fragment's, or rows may not be missing on the way
  int column;
};

const Node *WithoutRelabel(const Node *expr) {
  while (expr != nullptr && IsA(expr, RelabelType)) expr = pg::AsNode(reinterpret_cast<const RelabelType *>(expr)->arg);
  return expr;
}

const Var *PlainVar(const Node *expr) {
  expr = WithoutRelabel(expr);
  return expr != nullptr && IsA(expr, Var) && reinterpret_cast<const Var *>(expr)->varattno > 0 ? reinterpret_cast<const Var *>(expr)
                                                                                                : nullptr;
}

Source SourceOf(Plan *plan, int column);

bool IsFragmentScan(const Plan *plan) {
  return IsA(plan, CustomScan) && strcmp(reinterpret_cast<const CustomScan *>(plan)->methods->CustomName, plan::kFragmentScan) == 0;
}

Source SourceInFragment(CustomScan *scan, const Var *var) {
  const plan::Fragment *fragment = plan::FromList(scan->custom_private);
  if (var->varno != INDEX_VAR || var->varattno > list_length(fragment->column_types)) return {};
  if (fragment->kind != plan::FragmentKind::Rows || fragment->row_marks) return {};
  return {scan, var->varattno};
}

Step StepOfJoin(JoinType type) {
  switch (type) {
    case JOIN_INNER:
      return Step::InnerJoin;
    case JOIN_LEFT:
      return Step::LeftJoin;
    case JOIN_RIGHT:
      return Step::RightJoin;
    case JOIN_FULL:
      return Step::FullJoin;
    case JOIN_SEMI:
      return Step::SemiJoin;
    case JOIN_ANTI:
      return Step::AntiJoin;
    default:
      return Step::FirstRows;  // joins of newer versions, which have the columns of the inner side
  }
}

bool IsGroupingColumn(const Agg *agg, const Var *var) {
  if (agg->groupingSets != NIL || agg->chain != NIL) return false;
  return std::find(agg->grpColIdx, agg->grpColIdx + agg->numCols, var->varattno) != agg->grpColIdx + agg->numCols;
}

Step StepOf(const Plan *plan) {
  switch (nodeTag(plan)) {
    case T_HashJoin:
    case T_MergeJoin:
    case T_NestLoop:
      return StepOfJoin(reinterpret_cast<const Join *>(plan)->jointype);
    case T_Hash:
    case T_Sort:
    case T_IncrementalSort:
    case T_Material:
    case T_Result:
    case T_SubqueryScan:
      return Step::Pass;
    case T_Agg:
      return Step::Group;
    default:
      return Step::FirstRows;
  }
}

/// The plan whose column the variable is; null where missing rows would change what else is
/// delivered.
Plan *PlanBelow(Plan *plan, const Var *var) {
  const bool inner = var->varno == INNER_VAR;
  const bool grouped = IsA(plan, Agg) && IsGroupingColumn(reinterpret_cast<Agg *>(plan), var);
  if (!evaluation::MayLackRows(StepOf(plan), inner ? evaluation::Side::Inner : evaluation::Side::Outer, grouped)) return nullptr;
  if (IsA(plan, SubqueryScan)) return reinterpret_cast<SubqueryScan *>(plan)->subplan;
  return inner ? plan->righttree : var->varno == OUTER_VAR ? plan->lefttree : nullptr;
}

Source SourceOf(Plan *plan, int column) {
  if (plan == nullptr || column > list_length(plan->targetlist) || contain_volatile_functions(pg::AsNode(plan->targetlist))) return {};
  const Var *var = PlainVar(pg::AsNode(list_nth_node(TargetEntry, plan->targetlist, column - 1)->expr));
  if (var == nullptr) return {};
  if (IsFragmentScan(plan)) return SourceInFragment(reinterpret_cast<CustomScan *>(plan), var);
  return SourceOf(PlanBelow(plan, var), var->varattno);
}

/// The nodes compare by another collation perhaps: what is equal by one that is deterministic is
/// equal by all.
bool IsComparableElsewhere(const OpExpr *clause) {
  return clause->opno < FirstNormalObjectId && (!OidIsValid(clause->inputcollid) || get_collation_isdeterministic(clause->inputcollid));
}

/// Nodes can look the keys up in a hash table (altius_internal.is_key).
bool IsHashed(const OpExpr *clause, Oid outer, Oid key) {
  return outer == key && lookup_type_cache(key, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC)->eq_opr == clause->opno;
}

double MostKeys(const HashJoin *join, bool hashed) {
  const Plan *outer = join->join.plan.lefttree;
  const Plan *inner = join->join.plan.righttree;
  const double per_row = std::max(1.0, join->join.plan.plan_rows) / std::max(1.0, outer->plan_rows);
  const double worth = kWorthWhile / per_row * std::max(1.0, inner->plan_rows);
  constexpr double fewest = plan::kMostComparedKeys;
  return std::min(std::max(worth, fewest), hashed ? kMostKeys : fewest);
}

/// Whether the keys are those of all executions of the join.
bool IsFixed(const HashJoin *join) { return bms_is_empty(join->join.plan.righttree->extParam); }

void AddFilter(HashJoin *join, const OpExpr *clause, const Node *hash_key) {
  const Var *outer = PlainVar(static_cast<Node *>(linitial(clause->args)));
  const Var *inner = PlainVar(hash_key);
  if (outer == nullptr || inner == nullptr || outer->varno != OUTER_VAR || !IsComparableElsewhere(clause)) return;
  Plan *outer_plan = join->join.plan.lefttree;
  const Source source = SourceOf(outer_plan, outer->varattno);
  if (source.scan == nullptr || source.scan->scan.plan.plan_rows < kFewestRows) return;
  const Oid type = exprType(static_cast<Node *>(lsecond(clause->args)));
  if (type >= FirstNormalObjectId || !OidIsValid(get_array_type(type))) return;
  const bool hashed = IsHashed(clause, exprType(static_cast<Node *>(linitial(clause->args))), type);
  plan::AddKeyFilter(source.scan, {.join = join->join.plan.plan_node_id,
                                   .key = inner->varattno,
                                   .column = source.column,
                                   .type = type,
                                   .equality = clause->opno,
                                   .most_keys = static_cast<int>(MostKeys(join, hashed))});
  // A hash join fetches an outer row ahead where it takes that for cheaper than the hash table.
  outer_plan->startup_cost = std::max(outer_plan->startup_cost, join->join.plan.righttree->total_cost);
  outer_plan->total_cost = std::max(outer_plan->total_cost, outer_plan->startup_cost);
}

void VisitJoin(HashJoin *join) {
  if (!evaluation::DropsWithoutKey(StepOfJoin(join->join.jointype)) || !IsFixed(join)) return;
  const auto *hash = castNode(Hash, join->join.plan.righttree);
  ListCell *clause;
  ListCell *key;
  forboth(clause, join->hashclauses, key, hash->hashkeys) {
    if (IsA(lfirst(clause), OpExpr)) AddFilter(join, lfirst_node(OpExpr, clause), static_cast<Node *>(lfirst(key)));
  }
}

void Visit(Plan *plan) {
  if (plan == nullptr) return;
  if (IsA(plan, HashJoin)) VisitJoin(reinterpret_cast<HashJoin *>(plan));
  Visit(plan->lefttree);
  Visit(plan->righttree);
  if (IsA(plan, SubqueryScan)) Visit(reinterpret_cast<SubqueryScan *>(plan)->subplan);
  ListCell *cell;
  List *children = IsA(plan, Append)        ? reinterpret_cast<Append *>(plan)->appendplans
                   : IsA(plan, MergeAppend) ? reinterpret_cast<MergeAppend *>(plan)->mergeplans
                   : IsA(plan, CustomScan)  ? reinterpret_cast<CustomScan *>(plan)->custom_plans
                                            : NIL;
  foreach (cell, children) Visit(static_cast<Plan *>(lfirst(cell)));
}

}  // namespace

void AddKeyFilters(PlannedStmt *statement) {
  if (!enabled) return;
  Visit(statement->planTree);
  ListCell *cell;
  foreach (cell, statement->subplans) Visit(static_cast<Plan *>(lfirst(cell)));
}

void InitKeyFilters() {
  static const pg::BoolSetting setting[] = {{"altius.enable_key_filters",
                                             "Hash joins tell the nodes their keys, so that rows without a partner do not travel.",
                                             &enabled, true, PGC_USERSET, GUC_EXPLAIN}};
  pg::Define(setting);
}

}  // namespace altius::planner
