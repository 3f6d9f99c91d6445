// SPDX-License-Identifier: PostgreSQL
#include "partial_aggregate.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/equality.hpp"
#include "planner/locus/scope.hpp"
#include "planner/nodes/column_map.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

using Combine = locus::Aggregate::Combine;

namespace {

constexpr const char *kSelfCombining[] = {"sum",    "min",     "max",    "bool_and", "bool_or",
                                          "every",  "bit_and", "bit_or", "bit_xor",  "any_value"};

struct Collection {
  List *aggregates;  // of Aggref, each once
  bool within;       // one of this level inside a sublink
};

bool CollectWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *collection = static_cast<Collection *>(data);
  if (IsA(node, Aggref)) {
    collection->aggregates = list_append_unique(collection->aggregates, node);
    return false;
  }
  if (IsA(node, SubLink)) {
    collection->within = collection->within || HasVars(node);
    return false;
  }
  return pg::Walk(node, CollectWalker, data);
}

Combine CombineOf(const Aggref *aggregate) {
  if (aggregate->aggfnoid >= FirstNormalObjectId || aggregate->aggkind != AGGKIND_NORMAL) return Combine::None;
  const char *name = get_func_name(aggregate->aggfnoid);
  if (strcmp(name, "count") == 0) return Combine::Count;
  if (strcmp(name, "avg") == 0) return aggregate->aggdistinct == NIL ? Combine::Average : Combine::None;
  for (const char *known : kSelfCombining) {
    if (strcmp(name, known) == 0) return Combine::Same;
  }
  return Combine::None;
}

Node *FirstArgument(const Aggref *aggregate) { return pg::AsNode(linitial_node(TargetEntry, aggregate->args)->expr); }

/// The number of the first one that has the same argument.
int NumberOfArgument(const Aggref *aggregate, List *all) {
  ListCell *cell;
  foreach (cell, all) {
    auto *other = lfirst_node(Aggref, cell);
    if (list_length(other->args) == 1 && equal(FirstArgument(other), FirstArgument(aggregate))) return foreach_current_index(cell);
  }
  return locus::kNone;
}

/// The expression as the upper query sees it: a column of the arms, unless it is a constant.
Expr *InputColumn(AggregateSplit *split, Node *expr) {
  if (!HasVars(expr)) return pg::Copy(reinterpret_cast<Expr *>(expr));
  return reinterpret_cast<Expr *>(ColumnLike(expr, 1, split->inputs.Add(expr)));
}

TargetEntry *AddUpperTarget(AggregateSplit *split, Expr *upper, Node *level_expr) {
  auto *target = makeTargetEntry(upper, list_length(split->upper_targets) + 1, nullptr, false);
  split->upper_targets = lappend(split->upper_targets, target);
  split->outputs.exprs = lappend(split->outputs.exprs, Comparable(level_expr));
  return target;
}

/// A group column of the upper query; `like` has the operators of the user's clause, null: the type's own.
void AddGroup(AggregateSplit *split, Node *expr, SortGroupClause *like) {
  if (split->outputs.Find(expr) > 0) return;
  SortGroupClause *clause = like != nullptr ? pg::Copy(like) : makeNode(SortGroupClause);
  if (like == nullptr) {
    get_sort_group_operators(exprType(expr), false, true, false, &clause->sortop, &clause->eqop, nullptr,
                             &clause->hashable);
  }
  TargetEntry *target = AddUpperTarget(split, InputColumn(split, expr), expr);
  clause->tleSortGroupRef = target->ressortgroupref = target->resno;
  split->upper_groups = lappend(split->upper_groups, clause);
}

/// A column that is grouped by nothing depends on a key that is: it is a group column as well.
bool UngroupedVarWalker(Node *node, void *data) {
  auto *split = static_cast<AggregateSplit *>(data);
  if (node == nullptr || IsA(node, Aggref)) return false;
  if (split->outputs.Find(node) > 0) return false;
  if (IsA(node, Var) && reinterpret_cast<Var *>(node)->varlevelsup == 0) AddGroup(split, node, nullptr);
  return pg::Walk(node, UngroupedVarWalker, data);
}

void AddGroups(AggregateSplit *split) {
  ListCell *cell;
  foreach (cell, split->query->groupClause) {
    auto *clause = lfirst_node(SortGroupClause, cell);
    Node *expr = get_sortgroupclause_expr(clause, split->query->targetList);
    AddGroup(split, expr, clause);
  }
  UngroupedVarWalker(pg::AsNode(split->query->targetList), split);
  UngroupedVarWalker(split->query->havingQual, split);
}

Aggref *MakeAggregate(Oid function, Oid result, Oid input_collation, Node *arg) {
  auto *aggregate = makeNode(Aggref);
  aggregate->aggfnoid = function;
  aggregate->aggtype = result;
  aggregate->inputcollid = input_collation;
  aggregate->aggcollid = OidIsValid(get_typcollation(result)) ? input_collation : InvalidOid;
  aggregate->aggkind = AGGKIND_NORMAL;
  aggregate->aggsplit = AGGSPLIT_SIMPLE;
  aggregate->aggno = aggregate->aggtransno = -1;
  aggregate->location = -1;
  aggregate->aggargtypes = list_make1_oid(exprType(arg));
  aggregate->args = list_make1(makeTargetEntry(reinterpret_cast<Expr *>(arg), 1, nullptr, false));
  return aggregate;
}

Aggref *BuiltinAggregate(const char *name, Node *arg) {
  Oid type = exprType(arg);
  List *qualified = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name)));
  const Oid function = LookupFuncName(qualified, 1, &type, false);
  return MakeAggregate(function, get_func_rettype(function), exprCollation(arg), arg);
}

Node *Cast(Node *expr, Oid type) {
  if (exprType(expr) == type) return expr;
  return coerce_to_target_type(nullptr, expr, exprType(expr), type, -1, COERCION_EXPLICIT, COERCE_IMPLICIT_CAST, -1);
}

/// An argument is computed for the rows that FILTER lets pass only: others may have none (division by zero).
Node *WhereFiltered(Node *argument, Expr *filter) {
  if (filter == nullptr || IsA(argument, Var) || IsA(argument, Const)) return argument;
  auto *when = makeNode(CaseWhen);
  when->expr = pg::Copy(filter);
  when->result = reinterpret_cast<Expr *>(argument);
  when->location = -1;
  auto *result = makeNode(CaseExpr);
  result->casetype = exprType(argument);
  result->casecollid = exprCollation(argument);
  result->args = list_make1(when);
  result->defresult =
      reinterpret_cast<Expr *>(makeNullConst(exprType(argument), exprTypmod(argument), exprCollation(argument)));
  result->location = -1;
  return pg::AsNode(result);
}

/// The user's aggregate over the arms' columns.
Aggref *OverArms(AggregateSplit *split, Aggref *aggregate) {
  Aggref *partial = pg::Copy(aggregate);
  ListCell *cell;
  foreach (cell, partial->args) {
    auto *target = lfirst_node(TargetEntry, cell);
    target->expr = InputColumn(split, WhereFiltered(pg::AsNode(target->expr), partial->aggfilter));
  }
  if (partial->aggfilter != nullptr) {
    partial->aggfilter = InputColumn(split, pg::AsNode(partial->aggfilter));
  }
  return partial;
}

/// sum(x), count(x) in place of avg(x).
void AddAverage(AggregateSplit *split, Aggref *aggregate) {
  Aggref *over_arms = OverArms(split, aggregate);
  Node *arg = pg::AsNode(linitial_node(TargetEntry, over_arms->args)->expr);
  // PostgreSQL averages float4 in float8.
  Node *summed = exprType(arg) == FLOAT4OID ? Cast(pg::Copy(arg), FLOAT8OID) : pg::Copy(arg);
  for (Aggref *partial : {BuiltinAggregate("sum", summed), MakeAggregate(F_COUNT_ANY, INT8OID, InvalidOid, arg)}) {
    partial->aggfilter = pg::Copy(over_arms->aggfilter);
    if (partial->aggfnoid == F_COUNT_ANY) partial->aggargtypes = list_make1_oid(ANYOID);
    AddUpperTarget(split, reinterpret_cast<Expr *>(partial), pg::AsNode(partial));
  }
}

Var *OutputColumn(AggregateSplit *split, int column) {
  auto *target = static_cast<TargetEntry *>(list_nth(split->upper_targets, column - 1));
  return ColumnLike(pg::AsNode(target->expr), split->outputs.rti, column);
}

Node *FinalAggregate(AggregateSplit *split, const SplitAggregate &entry) {
  Node *partial = pg::AsNode(OutputColumn(split, entry.column));
  if (entry.combine == Combine::Count) {
    auto *coalesce = makeNode(CoalesceExpr);
    Node *total = Cast(pg::AsNode(BuiltinAggregate("sum", partial)), INT8OID);
    Node *zero = pg::AsNode(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false, true));
    coalesce->coalescetype = INT8OID;
    coalesce->args = list_make2(total, zero);
    coalesce->location = -1;
    return pg::AsNode(coalesce);
  }
  if (entry.combine == Combine::Average) {
    Node *sum = pg::AsNode(BuiltinAggregate("sum", partial));
    Node *count = pg::AsNode(BuiltinAggregate("sum", pg::AsNode(OutputColumn(split, entry.column + 1))));
    if (exprType(sum) != NUMERICOID) count = Cast(count, FLOAT8OID);
    List *slash = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("/")));
    Node *quotient = pg::AsNode(make_op(nullptr, slash, sum, count, nullptr, -1));
    return Cast(quotient, entry.aggregate->aggtype);
  }
  const char *name = get_func_name(entry.aggregate->aggfnoid);
  if (strcmp(name, "sum") == 0) return Cast(pg::AsNode(BuiltinAggregate(name, partial)), entry.aggregate->aggtype);
  Aggref *final_aggregate =
      MakeAggregate(entry.aggregate->aggfnoid, entry.aggregate->aggtype, entry.aggregate->inputcollid, partial);
  final_aggregate->aggargtypes = list_copy(entry.aggregate->aggargtypes);
  final_aggregate->aggcollid = entry.aggregate->aggcollid;
  return pg::AsNode(final_aggregate);
}

/// Division by zero counts can't happen: a sum over no rows is null, and null / 0 is null... unless evaluated strictly.
Node *SubstituteOutput(Node *node, void *data) {
  auto *split = static_cast<AggregateSplit *>(data);
  if (IsA(node, Aggref)) {
    for (const SplitAggregate &entry : split->aggregates) {
      if (equal(entry.aggregate, node)) return FinalAggregate(split, entry);
    }
    return nullptr;
  }
  if (IsA(node, Const) || IsA(node, Param)) return nullptr;
  const int column = split->outputs.Find(node);
  return column == 0 ? nullptr : pg::AsNode(OutputColumn(split, column));
}

}  // namespace

List *AggregatesOf(Query *query, bool *within) {
  Collection collection = {NIL, false};
  CollectWalker(pg::AsNode(query->targetList), &collection);
  CollectWalker(query->havingQual, &collection);
  *within = collection.within;
  return collection.aggregates;
}

locus::Aggregate DescribeAggregate(Aggref *aggregate, List *all, Translation *translation) {
  locus::Aggregate described;
  described.combine = CombineOf(aggregate);
  described.distinct = aggregate->aggdistinct != NIL;
  described.ordered = aggregate->aggorder != NIL || aggregate->aggkind != AGGKIND_NORMAL;
  described.filtered = aggregate->aggfilter != nullptr;
  described.call = translation->Expression(pg::AsNode(aggregate));
  if (list_length(aggregate->args) != 1 || aggregate->aggkind != AGGKIND_NORMAL) return described;
  described.argument = NumberOfArgument(aggregate, all);
  if (list_length(aggregate->aggdistinct) == 1) {
    const Oid equality = linitial_node(SortGroupClause, aggregate->aggdistinct)->eqop;
    described.distinct_key = translation->ValueOf(FirstArgument(aggregate), equality);
  }
  return described;
}

void PlanPartialAggregates(AggregateSplit *split) {
  AddGroups(split);
  for (SplitAggregate &entry : split->aggregates) {
    entry.column = list_length(split->outputs.exprs) + 1;
    if (entry.combine == Combine::Average) {
      AddAverage(split, entry.aggregate);
    } else {
      Aggref *partial = OverArms(split, entry.aggregate);
      AddUpperTarget(split, reinterpret_cast<Expr *>(partial), pg::AsNode(partial));
    }
  }
}

void PlanValues(AggregateSplit *split, List *aggregates) {
  AddGroups(split);
  AddGroup(split, FirstArgument(linitial_node(Aggref, aggregates)), nullptr);
}

Node *FinalExpr(AggregateSplit *split, Node *expr) { return ReplaceInExpr(expr, SubstituteOutput, split); }

}  // namespace altius::planner
