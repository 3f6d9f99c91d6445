// SPDX-License-Identifier: PostgreSQL
#include "returning.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
}

namespace altius::planner {

namespace {

/// Constants of the row are computed here as it is.
bool UnshippableWalker(Node *node, void *context) {
  if (node == nullptr || MayBeArgument(node) || IsPlaceCall(node)) return false;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), UnshippableWalker, context);
  return IsUnshippableCall(node) || pg::Walk(node, UnshippableWalker, context);
}

/// What raises errors that PostgreSQL would not have reached, were it computed once, and what no shard can compute.
struct Search {
  Guards guards;
  bool found;
};

bool LateWalker(Node *node, void *data) {
  auto *search = static_cast<Search *>(data);
  if (node == nullptr || IsA(node, Query) || search->found) return false;
  const evaluation::Place before = search->guards.place;
  if (MayBeArgument(node)) {
    const evaluation::Computed computed = evaluation::Compute(before, DescribeValue(node));
    search->found = computed.where == evaluation::Computed::Where::Here;
    if (computed.where != evaluation::Computed::Where::There) return false;
    search->guards.place = evaluation::Within(before, computed);
  }
  if (!VisitGuarded(node, &search->guards, [&](Node **operand) { LateWalker(*operand, search); })) pg::Walk(node, LateWalker, search);
  search->guards.place = before;
  return false;
}

bool IsComputedLate(const Query *query) {
  Search search = {{NIL, PlaceOfReturning(query), NIL, nullptr}, false};
  LateWalker(pg::AsNode(query->returningList), &search);
  return search.found;
}

/// A subquery that no shard may compute.
bool UnshippableSubqueryWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, SubLink)) return UnshippableWalker(node, nullptr);
  return pg::Walk(node, UnshippableSubqueryWalker, context);
}

bool IsUnreadable(const List *exprs) {
  ListCell *cell;
  foreach (cell, exprs) {
    if (pg::IsAnonymousRow(exprType(static_cast<Node *>(lfirst(cell))))) return true;
  }
  return false;
}

/// Columns, and subqueries as they are.
bool AddReturnedWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *columns = static_cast<Columns *>(data);
  const bool returned = IsA(node, Var) || IsA(node, SubLink) || IsPlaceCall(node) || pg::IsMergeAction(node);
  if (!returned) return pg::Walk(node, AddReturnedWalker, data);
  columns->Add(node);
  return false;
}

Node *SubstituteReturned(Node *node, void *data) {
  const auto *columns = static_cast<Columns *>(data);
  const int column = columns->Find(node);
  return column == 0 ? nullptr : pg::AsNode(ColumnLike(node, columns->rti, column));
}

/// The query returns the columns, and the result is what it returned in terms of them.
List *ReturnColumns(Query *query, Columns columns) {
  auto *computed = reinterpret_cast<List *>(ReplaceInExpr(pg::Copy(pg::AsNode(query->returningList)), SubstituteReturned, &columns));
  if (columns.exprs == NIL) columns.exprs = list_make1(makeBoolConst(true, false));
  query->returningList = NIL;
  ListCell *cell;
  foreach (cell, columns.exprs) {
    const int number = foreach_current_index(cell) + 1;
    auto *target = makeTargetEntry(static_cast<Expr *>(lfirst(cell)), number, psprintf("c%d", number), false);
    query->returningList = lappend(query->returningList, target);
  }
  return computed;
}

bool IsComputedAbove(Query *query) {
  if (query->commandType == CMD_SELECT || query->returningList == NIL || !query->hasSubLinks) return false;
  const RangeTblEntry *target = pg::Rte(query->rtable, query->resultRelation);
  return target->rtekind == RTE_RELATION && catalog::FindTable(target->relid) != nullptr &&
         (UnshippableSubqueryWalker(pg::AsNode(query->returningList), nullptr) || IsComputedLate(query));
}

}  // namespace

bool IsComputedHere(Query *query) { return UnshippableWalker(pg::AsNode(query->returningList), nullptr) || IsComputedLate(query); }

Query *ComputeReturningAbove(Query *query) {
  if (!IsComputedAbove(query)) return query;
  Columns columns = {1, NIL};
  AddVarsOfExpr(pg::AsNode(query->returningList), &columns);
  List *computed = ReturnColumns(query, columns);
  query->canSetTag = false;
  CommonTableExpr *changed = ReadOnce("altius_changed", query);
  Query *select = SelectFrom(ReadOf(changed, 0));
  select->targetList = computed;
  select->hasSubLinks = true;
  select->cteList = lappend(query->cteList, changed);
  select->hasRecursive = query->hasRecursive;
  select->hasModifyingCTE = true;
  query->cteList = NIL;
  RaiseCtesOf(query);
  query->hasRecursive = query->hasModifyingCTE = false;
  return select;
}

List *SplitReturning(Query *query) {
  if (!IsComputedHere(query)) return NIL;
  Columns columns = {1, NIL};
  AddReturnedWalker(pg::AsNode(query->returningList), &columns);
  return IsUnreadable(columns.exprs) ? NIL : ReturnColumns(query, columns);
}

}  // namespace altius::planner
