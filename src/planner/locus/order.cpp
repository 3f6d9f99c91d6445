// SPDX-License-Identifier: PostgreSQL
// Whether a query's result depends on the order in which its rows come: copies of a reference table have the same rows, but not
// in the same order.
#include "order.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

constexpr const char *kAnyOrder[] = {"count",   "min",    "max",    "bool_and", "bool_or", "every",
                                     "bit_and", "bit_or", "bit_xor", "rank",    "dense_rank"};

bool IsExact(Oid type) { return type != FLOAT4OID && type != FLOAT8OID; }

/// sum and avg of floats differ in their last digits.
bool TakesAnyOrder(Oid function, const List *args) {
  if (function >= FirstNormalObjectId) return false;
  const char *name = get_func_name(function);
  for (const char *known : kAnyOrder) {
    if (strcmp(name, known) == 0) return true;
  }
  if (strcmp(name, "sum") != 0 && strcmp(name, "avg") != 0) return false;
  auto *arg = static_cast<Node *>(linitial(args));
  return IsExact(exprType(IsA(arg, TargetEntry) ? pg::AsNode(reinterpret_cast<TargetEntry *>(arg)->expr) : arg));
}

/// array_agg(x ORDER BY x)
bool OrdersItsArguments(const Aggref *aggregate) {
  ListCell *cell;
  foreach (cell, aggregate->args) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->ressortgroupref == 0) return false;
  }
  return aggregate->aggorder != NIL && !AGGKIND_IS_ORDERED_SET(aggregate->aggkind);
}

bool CallWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Aggref)) {
    auto *aggregate = reinterpret_cast<Aggref *>(node);
    if (!OrdersItsArguments(aggregate) && !TakesAnyOrder(aggregate->aggfnoid, aggregate->args)) return true;
  }
  if (IsA(node, WindowFunc)) {
    auto *window = reinterpret_cast<WindowFunc *>(node);
    if (!TakesAnyOrder(window->winfnoid, window->args)) return true;
  }
  if (IsA(node, Query)) return false;  // looked at on its own
  return pg::Walk(node, CallWalker, context);
}

/// Frames by rows tell rows apart that the order does not.
bool CountsRows(const Query *query) {
  ListCell *cell;
  foreach (cell, query->windowClause) {
    if ((lfirst_node(WindowClause, cell)->frameOptions & FRAMEOPTION_ROWS) != 0) return true;
  }
  return false;
}

/// Rows that the order does not tell apart are the same rows.
bool IsTotalOrder(const Query *query) {
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && get_sortgroupref_clause_noerr(target->ressortgroupref, query->sortClause) == nullptr) return false;
  }
  return true;
}

}  // namespace

bool DependsOnOrder(Query *query) {
  const bool limited = query->limitCount != nullptr || query->limitOffset != nullptr;
  if ((limited || query->hasDistinctOn) && !IsTotalOrder(query)) return true;
  if (CountsRows(query)) return true;
  if (!query->hasAggs && !query->hasWindowFuncs) return false;
  return CallWalker(pg::AsNode(query->targetList), nullptr) || CallWalker(query->havingQual, nullptr);
}

}  // namespace altius::planner
