// SPDX-License-Identifier: PostgreSQL
#include "returning.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

namespace {

/// Constants of the row are computed here as it is.
bool UnshippableWalker(Node *node, void *context) {
  if (node == nullptr || MayBeArgument(node) || IsPlaceCall(node)) return false;
  return IsUnshippableCall(node) || pg::Walk(node, UnshippableWalker, context);
}

bool IsUnreadable(const List *exprs) {
  ListCell *cell;
  foreach (cell, exprs) {
    if (pg::IsAnonymousRow(exprType(static_cast<Node *>(lfirst(cell))))) return true;
  }
  return false;
}

Node *SubstituteReturned(Node *node, void *data) {
  const auto *columns = static_cast<Columns *>(data);
  if (!IsA(node, Var) && !IsPlaceCall(node) && !pg::IsMergeAction(node)) return nullptr;
  return pg::AsNode(ColumnLike(node, columns->rti, columns->Find(node)));
}

}  // namespace

List *SplitReturning(Query *query) {
  Node *returning = pg::AsNode(query->returningList);
  if (returning == nullptr || checkExprHasSubLink(returning) || !UnshippableWalker(returning, nullptr)) return NIL;
  Columns columns = {1, NIL};
  AddVarsOfExpr(returning, &columns);
  if (IsUnreadable(columns.exprs)) return NIL;
  auto *computed = reinterpret_cast<List *>(ReplaceInExpr(pg::Copy(returning), SubstituteReturned, &columns));
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

}  // namespace altius::planner
