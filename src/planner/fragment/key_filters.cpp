// SPDX-License-Identifier: PostgreSQL
// A hash join builds a table of its inner rows, the smaller side, before it asks for the outer
// ones.  By then the true keys are known, and a fragment among the outer rows need not deliver rows
// with others.  Here it is found which fragment that is.
#include "key_filters.hpp"

#include <algorithm>
#include <climits>

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
int fewest_rows = 500;

/// Parameters that have one value as long as the statement runs: of the initplans of the whole plan.
const Bitmapset *constant_params = nullptr;

const Bitmapset *ConstantParamsOf(const PlannedStmt *statement) {
  Bitmapset *params = nullptr;
  ListCell *cell;
  foreach (cell, statement->planTree->initPlan) {
    const auto *plan = lfirst_node(SubPlan, cell);
    if (!bms_is_subset(static_cast<Plan *>(list_nth(statement->subplans, plan->plan_id - 1))->extParam, params)) continue;
    ListCell *param;
    foreach (param, plan->setParam) params = bms_add_member(params, lfirst_int(param));
  }
  return params;
}

/// Whether the plan has the same rows each time it is executed.
bool IsFixed(const Plan *plan) { return bms_is_subset(plan->extParam, constant_params); }

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

/// One equality of a hash join: what the rows of the two sides are compared by.
struct Equality {
  const OpExpr *clause;
  const Var *outer;  // columns of the plans below, null: computed from some
  const Var *inner;  // of the rows in the hash table
  Oid outer_type;
  Oid inner_type;
};

Equality EqualityOf(const OpExpr *clause, const Node *hash_key) {
  auto *left = static_cast<Node *>(linitial(clause->args));
  const Var *outer = PlainVar(left);
  if (outer != nullptr && outer->varno != OUTER_VAR) outer = nullptr;
  return {clause, outer, PlainVar(hash_key), exprType(left), exprType(static_cast<Node *>(lsecond(clause->args)))};
}

bool Travels(Oid type) { return type < FirstNormalObjectId && !pg::IsAnonymousRow(type) && OidIsValid(get_array_type(type)); }

/// The outer rows come from the fragment: with keys of the hash table.
void FilterOuter(HashJoin *join, const Equality &equality) {
  Plan *outer = join->join.plan.lefttree;
  const Source source = SourceOf(outer, equality.outer->varattno);
  if (source.scan == nullptr || source.scan->scan.plan.plan_rows < fewest_rows || !Travels(equality.inner_type)) return;
  const bool hashed = IsHashed(equality.clause, equality.outer_type, equality.inner_type);
  plan::AddKeyFilter(source.scan, {.of_scan = false,
                                   .node = join->join.plan.plan_node_id,
                                   .key = equality.inner->varattno,
                                   .column = source.column,
                                   .type = equality.inner_type,
                                   .equality = equality.clause->opno,
                                   .most_keys = static_cast<int>(MostKeys(join, hashed))});
  // A hash join fetches an outer row ahead where it takes that for cheaper than the hash table.
  outer->startup_cost = std::max(outer->startup_cost, join->join.plan.righttree->total_cost);
  outer->total_cost = std::max(outer->total_cost, outer->startup_cost);
}

/// The fragment all values of the column come from, perhaps not all of its values.
Source OriginOf(Plan *plan, int column) {
  if (plan == nullptr || column > list_length(plan->targetlist)) return {};
  const Var *var = PlainVar(pg::AsNode(list_nth_node(TargetEntry, plan->targetlist, column - 1)->expr));
  if (var == nullptr) return {};
  if (IsFragmentScan(plan)) return IsFixed(plan) ? SourceInFragment(reinterpret_cast<CustomScan *>(plan), var) : Source{};
  switch (nodeTag(plan)) {
    case T_HashJoin:
    case T_MergeJoin:
    case T_NestLoop:
    case T_Hash:
    case T_Sort:
    case T_IncrementalSort:
    case T_Material:
    case T_Result:
    case T_Agg:
    case T_Limit:
      return OriginOf(var->varno == OUTER_VAR ? plan->lefttree : var->varno == INNER_VAR ? plan->righttree : nullptr, var->varattno);
    case T_SubqueryScan:
      return OriginOf(reinterpret_cast<SubqueryScan *>(plan)->subplan, var->varattno);
    default:
      return {};
  }
}

/// The inner rows come from a large fragment, the outer ones from a small one, as in semi-joins, whose hash table is that of the inner
/// rows however many these are: with keys of the small one, which runs first then.
void FilterInner(HashJoin *join, const Equality &equality) {
  const Source source = SourceOf(join->join.plan.righttree, equality.inner->varattno);
  const Source origin = OriginOf(join->join.plan.lefttree, equality.outer->varattno);
  if (source.scan == nullptr || origin.scan == nullptr || source.scan == origin.scan || !Travels(equality.outer_type)) return;
  const double rows = source.scan->scan.plan.plan_rows;
  const double keys = origin.scan->scan.plan.plan_rows;
  const Oid commuted = get_commutator(equality.clause->opno);
  const bool large = rows >= fewest_rows && (keys <= rows / 2 || fewest_rows == 0);
  if (!large || keys > kMostKeys || !OidIsValid(commuted)) return;
  const bool hashed = IsHashed(equality.clause, equality.outer_type, equality.inner_type);
  plan::GiveKeys(origin.scan);
  plan::AddKeyFilter(source.scan, {.of_scan = true,
                                   .node = origin.scan->scan.plan.plan_node_id,
                                   .key = origin.column,
                                   .column = source.column,
                                   .type = equality.outer_type,
                                   .equality = commuted,
                                   .most_keys = static_cast<int>(hashed ? kMostKeys : plan::kMostComparedKeys)});
}

void VisitEquality(HashJoin *join, const Equality &equality) {
  if (equality.outer == nullptr || equality.inner == nullptr || !IsComparableElsewhere(equality.clause)) return;
  const Step step = StepOfJoin(join->join.jointype);
  if (evaluation::DropsWithoutKey(step, evaluation::Side::Outer) && IsFixed(join->join.plan.righttree)) FilterOuter(join, equality);
  if (evaluation::DropsWithoutKey(step, evaluation::Side::Inner)) FilterInner(join, equality);
}

void VisitJoin(HashJoin *join) {
  const auto *hash = castNode(Hash, join->join.plan.righttree);
  ListCell *clause;
  ListCell *key;
  forboth(clause, join->hashclauses, key, hash->hashkeys) {
    if (IsA(lfirst(clause), OpExpr)) VisitEquality(join, EqualityOf(lfirst_node(OpExpr, clause), static_cast<Node *>(lfirst(key))));
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
  constant_params = ConstantParamsOf(statement);
  Visit(statement->planTree);
  ListCell *cell;
  foreach (cell, statement->subplans) Visit(static_cast<Plan *>(lfirst(cell)));
  constant_params = nullptr;
}

void InitKeyFilters() {
  static const pg::BoolSetting setting[] = {{"altius.enable_key_filters",
                                             "Hash joins tell the nodes their keys, so that rows without a partner do not travel.",
                                             &enabled, true, PGC_USERSET, GUC_EXPLAIN}};
  pg::Define(setting);
  static const pg::IntSetting fewest[] = {{"altius.key_filter_min_rows", "Fewer rows than these are fetched without looking at keys.",
                                           &fewest_rows, 500, 0, INT_MAX, PGC_USERSET, GUC_EXPLAIN}};
  pg::Define(fewest);
}

}  // namespace altius::planner
