// SPDX-License-Identifier: PostgreSQL
// What core/evaluation has to know to say whether the order of a level's rows shows.
#include "order.hpp"

#include "altius/core/evaluation/row_order.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "equality.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::planner {

namespace {

using core::evaluation::Call;
using core::evaluation::Sorted;
using Takes = Call::Takes;

constexpr const char *kAnyOrder[] = {"count", "bool_and", "bool_or", "every", "bit_and", "bit_or", "bit_xor", "rank", "dense_rank"};

bool IsExact(Oid type) { return type != FLOAT4OID && type != FLOAT8OID; }

bool IsName(const char *name, const char *one, const char *other) { return strcmp(name, one) == 0 || strcmp(name, other) == 0; }

Node *FirstArgument(const List *args) {
  auto *arg = static_cast<Node *>(linitial(args));
  return IsA(arg, TargetEntry) ? pg::AsNode(reinterpret_cast<TargetEntry *>(arg)->expr) : arg;
}

Sorted SortedBy(const SortGroupClause *clause, Node *expr) {
  return clause == nullptr ? Sorted::No : IsIdentity(clause->eqop, expr) ? Sorted::Identical : Sorted::Equal;
}

Call DescribeCall(Oid function, const List *args) {
  Call call;
  if (function >= FirstNormalObjectId) return call;
  const char *name = get_func_name(function);
  for (const char *known : kAnyOrder) {
    if (strcmp(name, known) == 0) call.takes = Takes::Values;
  }
  // sum and avg of floats differ in their last digits.
  if (IsName(name, "sum", "avg") && IsExact(exprType(FirstArgument(args)))) call.takes = Takes::Values;
  if (IsName(name, "min", "max")) {
    call.takes = Takes::OneOfEqual;
    Node *argument = FirstArgument(args);
    call.identical = IsIdentity(lookup_type_cache(exprType(argument), TYPECACHE_EQ_OPR)->eq_opr, argument);
  }
  return call;
}

/// array_agg(x ORDER BY x)
std::span<const Sorted> ArgumentsOf(const Aggref *aggregate) {
  if (aggregate->aggorder == NIL || AGGKIND_IS_ORDERED_SET(aggregate->aggkind)) return {};
  pg::Array<Sorted> arguments;
  ListCell *cell;
  foreach (cell, aggregate->args) {
    auto *target = lfirst_node(TargetEntry, cell);
    const auto *clause = get_sortgroupref_clause_noerr(target->ressortgroupref, aggregate->aggorder);
    arguments.push_back(SortedBy(clause, pg::AsNode(target->expr)));
  }
  return {arguments.data(), static_cast<std::size_t>(arguments.size())};
}

bool CallWalker(Node *node, void *calls) {
  if (node == nullptr || IsA(node, Query)) return false;  // a query is looked at on its own
  auto *all = static_cast<pg::Array<Call> *>(calls);
  if (IsA(node, Aggref)) {
    auto *aggregate = reinterpret_cast<Aggref *>(node);
    Call call = DescribeCall(aggregate->aggfnoid, aggregate->args);
    if (call.takes == Takes::Order) call.arguments = ArgumentsOf(aggregate);
    all->push_back(call);
  }
  if (IsA(node, WindowFunc)) {
    auto *window = reinterpret_cast<WindowFunc *>(node);
    all->push_back(DescribeCall(window->winfnoid, window->args));
  }
  return pg::Walk(node, CallWalker, calls);
}

/// Frames by rows tell rows apart that the order does not.
bool CountsRows(const Query *query) {
  ListCell *cell;
  foreach (cell, query->windowClause) {
    if ((lfirst_node(WindowClause, cell)->frameOptions & FRAMEOPTION_ROWS) != 0) return true;
  }
  return false;
}

std::span<const Sorted> ColumnsOf(const Query *query) {
  pg::Array<Sorted> columns;
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    const auto *clause = get_sortgroupref_clause_noerr(target->ressortgroupref, query->sortClause);
    columns.push_back(SortedBy(clause, pg::AsNode(target->expr)));
  }
  return {columns.data(), static_cast<std::size_t>(columns.size())};
}

bool AreIdentities(const List *clauses, List *targets) {
  ListCell *cell;
  foreach (cell, clauses) {
    auto *clause = lfirst_node(SortGroupClause, cell);
    if (!IsIdentity(clause->eqop, get_sortgroupclause_expr(clause, targets))) return false;
  }
  return true;
}

/// Of set operations, other than UNION ALL.
bool OneOfEqualRows(Node *node) {
  if (node == nullptr || !IsA(node, SetOperationStmt)) return false;
  const auto *operation = reinterpret_cast<SetOperationStmt *>(node);
  ListCell *cell;
  foreach (cell, operation->groupClauses) {
    const int column = foreach_current_index(cell);
    const Identity identity = {list_nth_oid(operation->colTypes, column), list_nth_int(operation->colTypmods, column),
                               list_nth_oid(operation->colCollations, column)};
    if (!IsIdentity(lfirst_node(SortGroupClause, cell)->eqop, identity)) return true;
  }
  return OneOfEqualRows(operation->larg) || OneOfEqualRows(operation->rarg);
}

bool OneOfEqual(const Query *query) {
  if (!AreIdentities(query->groupClause, query->targetList) || OneOfEqualRows(query->setOperations)) return true;
  return !query->hasDistinctOn && !AreIdentities(query->distinctClause, query->targetList);
}

}  // namespace

bool DependsOnOrder(Query *query, bool array) {
  const bool limited = query->limitCount != nullptr || query->limitOffset != nullptr;
  const bool calls = query->hasAggs || query->hasWindowFuncs;
  const bool merges = query->groupClause != NIL || query->distinctClause != NIL || query->setOperations != nullptr;
  if (!limited && !calls && !merges && !array) return false;
  core::evaluation::Level level;
  level.limited = limited;
  level.first_of_group = query->hasDistinctOn;
  level.counts_rows = CountsRows(query);
  level.one_of_equal = merges && OneOfEqual(query);
  level.array = array;
  if (limited || query->hasDistinctOn || array) level.columns = ColumnsOf(query);
  pg::Array<Call> found;
  if (calls) {
    CallWalker(pg::AsNode(query->targetList), &found);
    CallWalker(query->havingQual, &found);
  }
  level.calls = {found.data(), static_cast<std::size_t>(found.size())};
  return core::evaluation::WhatShowsOrder(level) != core::evaluation::Shows::Nothing;
}

}  // namespace altius::planner
