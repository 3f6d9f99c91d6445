// SPDX-License-Identifier: PostgreSQL
// Grouping, DISTINCT, windows and LIMIT above a FROM that runs whole: as much as can be is done beside the data.
//
// The cut goes above the last step that gives the same result shard group by shard group; the step above it is done twice
// where that saves rows: partially on the nodes, finally on the asking node.
#include "split.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/fragment/fragment.hpp"
#include "planner/fragment/leaf.hpp"
#include "planner/level.hpp"
#include "planner/locus/scope.hpp"
#include "planner/nodes/column_map.hpp"
#include "cut.hpp"
#include "partial_aggregate.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/nodes/records.hpp"
#include "postponed.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
}

namespace altius::planner {

namespace {

using Cut = locus::Upper::Cut;

struct SplitState {
  const Level *level;
  const Scope *scope;
  const Part *part;
  locus::Upper upper;
  List *aggregates;  // the level's, each once,
  pg::Array<SplitAggregate> combined;  // and how they are combined
  Columns columns;   // what result columns need of a group,
  List *above;       // and result columns over them
};

/// The arm: what of the level runs on each shard group.
Query *MakeArm(const SplitState &state, List *targets) {
  Query *arm = ArmOf(state.level->query, *state.part);
  arm->targetList = targets;
  return arm;
}

void KeepGroupingIn(Query *arm, Query *query) {
  arm->groupClause = pg::Copy(query->groupClause);
  arm->groupingSets = pg::Copy(query->groupingSets);
  arm->groupDistinct = query->groupDistinct;
  arm->havingQual = pg::Copy(query->havingQual);
  arm->hasAggs = query->hasAggs;
}

/// The level reads from the leaf alone.
void ReadFromLeaf(const SplitState &state, Query *arm, Query *upper) {
  Query *query = state.level->query;
  List *arguments = NIL;
  const Reachable reachable = {state.part->pruned, state.part->prunes};
  plan::Fragment *fragment = MakeFragment(arm, upper, state.level, reachable, &arguments);
  List *names = NumberedNames(list_length(fragment->column_types));
  ListCell *cell;
  foreach (cell, query->rtable) BlankEntry(static_cast<RangeTblEntry *>(lfirst(cell)));
  query->rtable = lappend(query->rtable, MakeLeaf(fragment, arguments, state.part->prunes, names));
  query->jointree = FromOne(list_length(query->rtable));
  query->rowMarks = NIL;
  query->hasSubLinks = true;
}

/// --- everything up to the result columns is local ---

Node *IsSmall(Node *count) {
  constexpr int64 kLarge = int64{1} << 62;
  Node *large = pg::AsNode(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(kLarge), false, FLOAT8PASSBYVAL));
  List *args = list_make2(pg::Copy(count), large);
  return pg::AsNode(makeFuncExpr(F_INT8LT, BOOLOID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

/// limit + offset, as the number of rows that each node has to deliver; null, for all, where the sum could be too large a number.
Node *RowsNeeded(Query *query) {
  if (query->limitOffset == nullptr) return pg::Copy(query->limitCount);
  List *args = list_make2(pg::Copy(query->limitCount), pg::Copy(query->limitOffset));
  auto *when = makeNode(CaseWhen);
  when->expr = makeBoolExpr(AND_EXPR, list_make2(IsSmall(query->limitCount), IsSmall(query->limitOffset)), -1);
  when->result = reinterpret_cast<Expr *>(
      makeFuncExpr(F_INT8PL, INT8OID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
  when->location = -1;
  auto *rows = makeNode(CaseExpr);
  rows->casetype = INT8OID;
  rows->args = list_make1(when);
  rows->defresult = reinterpret_cast<Expr *>(makeNullConst(INT8OID, -1, InvalidOid));
  rows->location = -1;
  return pg::AsNode(rows);
}

/// SELECT c1, c2, ... FROM altius_arms
Query *SelectFromArms(List *targets) {
  auto *rte = makeNode(RangeTblEntry);
  Query *query = SelectFrom(rte);
  rte->rtekind = RTE_CTE;
  rte->ctename = pstrdup("altius_arms");
  List *names = NIL;
  ListCell *cell;
  foreach (cell, targets) {
    auto *target = lfirst_node(TargetEntry, cell);
    names = lappend(names, makeString(psprintf("c%d", target->resno)));
    Node *expr = pg::AsNode(target->expr);
    auto *copy = flatCopyTargetEntry(target);
    copy->expr = reinterpret_cast<Expr *>(ColumnLike(expr, 1, target->resno));
    query->targetList = lappend(query->targetList, copy);
    rte->coltypes = lappend_oid(rte->coltypes, exprType(expr));
    rte->coltypmods = lappend_int(rte->coltypmods, exprTypmod(expr));
    rte->colcollations = lappend_oid(rte->colcollations, exprCollation(expr));
  }
  rte->eref = makeAlias("altius_arms", names);
  rte->inFromCl = true;
  return query;
}

/// Rows are locked where they lie: each shard locks no more of them than may be needed.
void LimitLocks(const SplitState &state, Query *arm) {
  Query *query = state.level->query;
  if (query->rowMarks == NIL || !state.upper.top) return;
  arm->sortClause = pg::Copy(query->sortClause);
  arm->limitCount = RowsNeeded(query);
  arm->limitOption = query->limitOption;
}

/// DISTINCT and ORDER BY ... LIMIT on each node; null when there is nothing to save.
Query *TopOfArms(const SplitState &state) {
  Query *query = state.level->query;
  const bool distinct = state.upper.distinct == locus::Upper::Distinct::Twice;
  const bool limited = state.upper.top && query->rowMarks == NIL;
  if (!distinct && !limited) return nullptr;
  Query *upper = SelectFromArms(DeliveredTargets(query));
  if (distinct) {
    upper->distinctClause = pg::Copy(query->distinctClause);
    upper->hasDistinctOn = query->hasDistinctOn;
  }
  if (limited || query->hasDistinctOn) upper->sortClause = pg::Copy(query->sortClause);
  if (limited) {
    upper->limitCount = RowsNeeded(query);
    upper->limitOption = query->limitOption;
  }
  return upper;
}

void SplitTop(SplitState *state) {
  Query *query = state->level->query;
  Query *arm = MakeArm(*state, pg::Copy(query->targetList));
  KeepGroupingIn(arm, query);
  LimitLocks(*state, arm);
  arm->hasWindowFuncs = query->hasWindowFuncs;
  arm->hasTargetSRFs = query->hasTargetSRFs;
  arm->windowClause = pg::Copy(query->windowClause);
  const bool distinct_local = state->upper.distinct == locus::Upper::Distinct::There;
  if (distinct_local) {
    arm->distinctClause = pg::Copy(query->distinctClause);
    arm->hasDistinctOn = query->hasDistinctOn;
    if (arm->hasDistinctOn) arm->sortClause = pg::Copy(query->sortClause);
  }
  Query *upper = TopOfArms(*state);

  List *targets = DeliveredTargets(query);
  ReadFromLeaf(*state, arm, upper);
  query->targetList = NIL;
  ListCell *cell;
  foreach (cell, targets) {
    auto *target = flatCopyTargetEntry(lfirst_node(TargetEntry, cell));
    Var *column = ColumnLike(pg::AsNode(target->expr), list_length(query->rtable), target->resno);
    target->expr = reinterpret_cast<Expr *>(column);
    query->targetList = lappend(query->targetList, target);
  }
  query->groupClause = query->groupingSets = NIL;
  query->havingQual = nullptr;
  query->windowClause = NIL;
  if (distinct_local) query->distinctClause = NIL;
  query->hasDistinctOn = query->hasDistinctOn && !distinct_local;
  query->hasAggs = query->hasWindowFuncs = query->hasTargetSRFs = false;
}

/// --- groups are local, what stands above them is not ---

Node *SubstituteGrouped(Node *node, void *data) {
  auto *state = static_cast<SplitState *>(data);
  // Without grouping sets every expression is grouped by.
  if (IsA(node, GroupingFunc)) return pg::AsNode(makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true));
  const bool result_of_group = IsA(node, Aggref) || IsA(node, Var) || IsGroupExpr(state->level->query, node);
  if (!result_of_group || IsA(node, Const)) return nullptr;
  if (IsA(node, Var) && reinterpret_cast<Var *>(node)->varlevelsup > 0) return nullptr;
  return pg::AsNode(ColumnLike(node, state->columns.rti, state->columns.Add(node)));
}

List *TargetsOf(List *exprs) {
  List *targets = NIL;
  ListCell *cell;
  foreach (cell, exprs) {
    auto *expr = pg::Copy(static_cast<Expr *>(lfirst(cell)));
    targets = lappend(targets, makeTargetEntry(expr, list_length(targets) + 1, nullptr, false));
  }
  return targets;
}

/// Gives the group clauses of `query` their expressions as (new) junk entries of `targets`.
List *CopyGroupClause(Query *query, List **targets) {
  List *result = NIL;
  ListCell *cell;
  foreach (cell, query->groupClause) {
    auto *clause = pg::Copy(lfirst_node(SortGroupClause, cell));
    auto *expr = pg::Copy(reinterpret_cast<Expr *>(get_sortgroupclause_expr(clause, query->targetList)));
    auto *target = makeTargetEntry(expr, list_length(*targets) + 1, nullptr, false);
    target->ressortgroupref = clause->tleSortGroupRef = list_length(result) + 1;
    *targets = lappend(*targets, target);
    result = lappend(result, clause);
  }
  return result;
}

void SplitAboveGroups(SplitState *state) {
  Query *query = state->level->query;
  List *arm_targets = TargetsOf(state->columns.exprs);
  List *group = CopyGroupClause(query, &arm_targets);
  Query *arm = MakeArm(*state, arm_targets);
  KeepGroupingIn(arm, query);
  arm->groupClause = group;
  ReadFromLeaf(*state, arm, nullptr);
  query->targetList = state->above;
  query->groupClause = NIL;
  query->havingQual = nullptr;
  query->hasAggs = false;
}

/// --- groups cross the shards ---

void SplitGroups(SplitState *state) {
  Query *query = state->level->query;
  AggregateSplit split = {query, {1, NIL}, {list_length(query->rtable) + 1, NIL}, NIL, NIL, {}};
  if (state->upper.cut == Cut::Values) {
    PlanValues(&split, state->aggregates);
  } else {
    split.aggregates = state->combined;
    PlanPartialAggregates(&split);
  }
  Query *arm = MakeArm(*state, TargetsOf(split.inputs.exprs));
  if (arm->targetList == NIL) {
    auto *one = makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);
    arm->targetList = list_make1(makeTargetEntry(reinterpret_cast<Expr *>(one), 1, nullptr, false));
  }
  Query *upper = SelectFromArms(arm->targetList);
  upper->targetList = split.upper_targets;
  upper->groupClause = split.upper_groups;
  upper->hasAggs = !split.aggregates.empty();
  List *targets = query->targetList;
  Node *having = query->havingQual;
  ReadFromLeaf(*state, arm, upper);
  query->targetList = reinterpret_cast<List *>(FinalExpr(&split, pg::AsNode(targets)));
  query->havingQual = FinalExpr(&split, having);
}

/// --- what core/locus needs to know ---

const locus::Condition *Describe(const SplitState &state, void *expr) {
  return expr == nullptr ? nullptr : state.scope->translation->Expression(static_cast<Node *>(expr));
}

List *GroupExprs(Query *query) {
  List *exprs = NIL;
  ListCell *cell;
  foreach (cell, query->groupClause)
    exprs = lappend(exprs, get_sortgroupclause_expr(lfirst_node(SortGroupClause, cell), query->targetList));
  return exprs;
}

bool UngroupableWalker(Node *node, void *data) {
  auto *query = static_cast<Query *>(data);
  if (node == nullptr || IsA(node, Aggref) || IsGroupExpr(query, node)) return false;
  if (!IsA(node, Var)) return pg::Walk(node, UngroupableWalker, data);
  Oid equality = InvalidOid;
  get_sort_group_operators(exprType(node), false, false, false, nullptr, &equality, nullptr, nullptr);
  return reinterpret_cast<Var *>(node)->varlevelsup == 0 && !OidIsValid(equality);
}

/// Subqueries with aggregates of this level.
bool WithinWalker(Node *node, void *data) {
  if (node == nullptr || IsA(node, Aggref)) return false;
  return IsA(node, SubLink) ? contain_aggs_of_level(node, 0) : pg::Walk(node, WithinWalker, data);
}

void DescribeGroups(SplitState *state, locus::Computed *computed) {
  Query *query = state->level->query;
  Translation *translation = state->scope->translation;
  computed->groups = Describe(*state, GroupExprs(query));
  state->aggregates = AggregatesOf(query, &computed->aggregates_within);
  ListCell *cell;
  foreach (cell, state->aggregates) {
    auto *aggregate = lfirst_node(Aggref, cell);
    const locus::Aggregate described = DescribeAggregate(aggregate, state->aggregates, translation);
    computed->aggregates.Add(translation->tree.arena, described);
    state->combined.push_back({aggregate, described.combine, 0});
  }
  computed->ungroupable =
      UngroupableWalker(pg::AsNode(query->targetList), query) || UngroupableWalker(query->havingQual, query);
  if (query->groupingSets != NIL || WithinWalker(pg::AsNode(query->targetList), nullptr)) return;
  state->columns = {list_length(query->rtable) + 1, NIL};
  state->above = reinterpret_cast<List *>(ReplaceInExpr(pg::Copy(pg::AsNode(query->targetList)), SubstituteGrouped, state));
  computed->grouped = Describe(*state, state->columns.exprs);
}

/// ORDER BY names none of the sets among the result columns: each row's set stays together, and in its own order.
bool IsSortedBeforeSets(Query *query) {
  if (!query->hasTargetSRFs || query->sortClause == NIL) return false;
  ListCell *cell;
  foreach (cell, query->sortClause) {
    if (expression_returns_set(get_sortgroupclause_expr(lfirst_node(SortGroupClause, cell), query->targetList))) return false;
  }
  return true;
}

locus::Computed DescribeUpper(SplitState *state) {
  Query *query = state->level->query;
  locus::Computed computed;
  computed.results = Describe(*state, query->targetList);
  computed.windows = Describe(*state, query->windowClause);
  computed.having = Describe(*state, query->havingQual);
  computed.limited = query->limitCount != nullptr;
  if (computed.limited) computed.limit = Describe(*state, list_make2(query->limitCount, query->limitOffset));
  computed.readable = AreReadable(DeliveredTargets(query), query) && !IsSortedBeforeSets(query);
  if (state->scope->translation->Root().grouped) DescribeGroups(state, &computed);
  return computed;
}

/// `postponed`: result columns that are computed above LIMIT; then nothing is done but for shard groups that give their first rows.
bool Split(SplitState *state, const Postponed *postponed) {
  const locus::Computed computed = DescribeUpper(state);
  Translation *translation = state->scope->translation;
  state->upper = locus::UpperOf(state->scope->analysis, translation->tree, translation->Root(), *state->scope->located, computed);
  if (postponed != nullptr && !(state->upper.cut == Cut::Results && state->upper.top)) return false;
  Query *query = state->level->query;
  const List *below = query->targetList;
  switch (state->upper.cut) {
    case Cut::From:
      return false;
    case Cut::Partial:
    case Cut::Values:
      SplitGroups(state);
      return true;
    case Cut::Groups:
      SplitAboveGroups(state);
      return true;
    case Cut::Results:
      SplitTop(state);
      if (postponed != nullptr) ComputePostponed(query, *postponed, below, list_length(query->rtable));
      return true;
  }
  return false;
}

}  // namespace

bool SplitUpper(const Level *level, Scope *scope) {
  if (locus::OnlyPart(*scope->located) == nullptr) return false;
  Part *part = scope->parts[0];
  ExpandUnreadableRows(level->query, part->rels);
  Postponed postponed;
  if (PostponeColumns(level->query, &postponed)) {
    SplitState state = {level, scope, part, {}, NIL, {}, {}, NIL};
    if (Split(&state, &postponed)) return true;
    RestoreColumns(level->query, postponed);
  }
  SplitState state = {level, scope, part, {}, NIL, {}, {}, NIL};
  return Split(&state, nullptr);
}

}  // namespace altius::planner
