// SPDX-License-Identifier: PostgreSQL
// MERGE into a table of the asking node: PostgreSQL wants the source as one item, and rows that do not match count too.  So
// no condition of ON may be moved into the source, as it would be with other joins: it becomes a query of its own.
#include "local_merge.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/select/cut.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
}

namespace altius::planner {

namespace {

struct Source {
  Bitmapset *rels;
  int rti;         // of the new query
  List *columns;   // of TargetEntry, in terms of the former range table
  bool missing;    // some rows of the target are there without one of the source
};

/// g IS DISTINCT FROM NULL: whether an outer join has found a row.
bool IsRowTest(const Node *node) {
  if (!IsA(node, NullTest)) return false;
  const auto *arg = reinterpret_cast<const NullTest *>(node)->arg;
  return IsA(arg, Var) && reinterpret_cast<const Var *>(arg)->varattno == InvalidAttrNumber;
}

/// What the test of a row says where there is none, is not null as the source's columns are.
Node *RowTest(const Source &source, const Node *test, Var *column) {
  if (!source.missing) return pg::AsNode(column);
  auto *either = makeNode(CoalesceExpr);
  either->coalescetype = BOOLOID;
  const bool null = reinterpret_cast<const NullTest *>(test)->nulltesttype == IS_NULL;
  either->args = list_make2(column, makeBoolConst(null, false));
  either->location = -1;
  return pg::AsNode(either);
}

Node *ColumnIn(const Source &source, Node *node, int number) {
  Var *column = ColumnLike(node, source.rti, number);
  return IsRowTest(node) ? RowTest(source, node, column) : pg::AsNode(column);
}

Node *ColumnOfSource(Node *node, void *data) {
  auto *source = static_cast<Source *>(data);
  if (IsPlaceCall(node) || IsRowTest(node)) {
    if (!bms_is_subset(pull_varnos(nullptr, node), source->rels)) return nullptr;
  } else if (!IsA(node, Var) || !bms_is_member(reinterpret_cast<Var *>(node)->varno, source->rels)) {
    return nullptr;
  }
  ListCell *cell;
  foreach (cell, source->columns) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (equal(target->expr, node)) return ColumnIn(*source, node, target->resno);
  }
  const int column = list_length(source->columns) + 1;
  auto *expr = pg::Copy(reinterpret_cast<Expr *>(node));
  source->columns =
      lappend(source->columns, makeTargetEntry(expr, static_cast<AttrNumber>(column), psprintf("c%d", column), false));
  return ColumnIn(*source, node, column);
}

Query *SelectFromSource(const Query *merge) {
  auto *select = makeNode(Query);
  select->commandType = CMD_SELECT;
  select->querySource = QSRC_ORIGINAL;
  select->canSetTag = true;
  select->rtable = pg::Copy(merge->rtable);
  select->jointree = makeFromExpr(pg::Copy(merge->jointree->fromlist), nullptr);
  select->hasSubLinks = merge->hasSubLinks;
  BlankUnused(select);
  pg::ForgetPermissions(select);
  RaiseCtesOf(select);
  return select;
}

}  // namespace

bool HasActionForMissingSource(const Query *merge) {
  ListCell *cell;
  foreach (cell, merge->mergeActionList) {
    if (pg::IsForMissingSource(lfirst_node(MergeAction, cell))) return true;
  }
  return false;
}

void IsolateSource(Query *merge) {
  Source source = {IndexesIn(pg::AsNode(merge->jointree->fromlist)), list_length(merge->rtable) + 1, NIL,
                   HasActionForMissingSource(merge)};
  ExpandWholeRows(merge, source.rels);
  Query *select = SelectFromSource(merge);
  merge->jointree->fromlist = list_make1(RefTo(source.rti));
  BlankUnused(merge);
  ReplaceInQuery(merge, ColumnOfSource, &source);
  if (source.columns == NIL) {
    Expr *one = reinterpret_cast<Expr *>(makeBoolConst(true, false));
    source.columns = list_make1(makeTargetEntry(one, 1, pstrdup("c1"), false));
  }
  select->targetList = source.columns;
  merge->rtable = lappend(merge->rtable, SubqueryEntry(select, "source"));
}

}  // namespace altius::planner
