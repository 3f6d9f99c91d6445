// SPDX-License-Identifier: PostgreSQL
// Which rows of the source and the target meet in a MERGE that the asking node decides (merge_by_rows.cpp), and what becomes of them.
#include "merge_pairs.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/select/cut.hpp"
#include "local_merge.hpp"
#include "target_rows.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
}

namespace altius::planner {

Node *CountOf(int number) {
  return pg::AsNode(makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(number), false, true));
}

Node *ActionOf(const RowMerge &merge) { return pg::AsNode(makeVar(merge.pair, kAction, INT4OID, -1, InvalidOid, 0)); }

CaseWhen *When(Node *condition, Node *result) {
  auto *when = makeNode(CaseWhen);
  when->expr = reinterpret_cast<Expr *>(condition);
  when->result = reinterpret_cast<Expr *>(result);
  when->location = -1;
  return when;
}

/// CASE with these branches (of CaseWhen), null where none is taken.
Node *Case(List *branches) {
  Node *like = pg::AsNode(linitial_node(CaseWhen, branches)->result);
  auto *result = makeNode(CaseExpr);
  result->casetype = exprType(like);
  result->casecollid = exprCollation(like);
  result->args = branches;
  result->defresult = reinterpret_cast<Expr *>(makeNullConst(exprType(like), exprTypmod(like), exprCollation(like)));
  result->location = -1;
  return pg::AsNode(result);
}

namespace {

Node *IsNull(Node *arg, bool null) {
  auto *test = makeNode(NullTest);
  test->arg = reinterpret_cast<Expr *>(arg);
  test->nulltesttype = null ? IS_NULL : IS_NOT_NULL;
  test->location = -1;
  return pg::AsNode(test);
}

/// --- pairs ---

/// What stood at the level of the MERGE stands one level deeper: CTEs are one level further up.
template <typename T>
T *Deeper(const T *node) {
  T *copy = pg::Copy(node);
  RaiseCtes(pg::AsNode(copy));
  return copy;
}

RangeTblEntry *SourceOf(const RowMerge &merge) {
  RangeTblEntry *entry = pg::Copy(pg::Rte(merge.query->rtable, merge.source));
  entry->subquery = Deeper(entry->subquery);
  return entry;
}

void AddColumn(Query *query, Node *expr) {
  const int column = list_length(query->targetList) + 1;
  auto *target = makeTargetEntry(reinterpret_cast<Expr *>(expr), column, psprintf("c%d", column), false);
  query->targetList = lappend(query->targetList, target);
}

/// Whether rows that are there may be changed: else none is locked, which takes a right of its own.
bool ChangesTarget(const RowMerge &merge) {
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    const CmdType command = lfirst_node(MergeAction, cell)->commandType;
    if (command == CMD_UPDATE || command == CMD_DELETE) return true;
  }
  return false;
}

/// FROM target, source WHERE condition FOR UPDATE OF target, with the range table indexes of the MERGE; `source` stands for the source.
Query *Matched(const RowMerge &merge, RangeTblEntry *source) {
  Query *select = SelectFrom(source);
  select->rtable = pg::Copy(merge.query->rtable);
  lfirst(list_nth_cell(select->rtable, merge.source - 1)) = source;
  select->hasSubLinks = merge.query->hasSubLinks;
  Node *condition = Deeper(*pg::MergeCondition(merge.query));
  if (merge.lone_target) {
    Node *shown = *pg::MergeTargetConditions(merge.query);
    JoinExpr *join = AddJoin(select, JOIN_LEFT, merge.target, merge.source, condition);
    select->jointree = makeFromExpr(list_make1(join), shown == nullptr ? nullptr : Deeper(shown));
  } else {
    select->jointree = makeFromExpr(list_make2(RefTo(merge.target), RefTo(merge.source)), condition);
  }
  BlankUnused(select);
  pg::ForgetPermissions(select);
  pg::Rte(select->rtable, merge.target)->inFromCl = true;
  if (ChangesTarget(merge)) LockRows(select, merge.target);
  return select;
}

Node *RowNumber() {
  auto *number = makeNode(WindowFunc);
  number->winfnoid = F_ROW_NUMBER;
  number->wintype = INT8OID;
  number->winref = 1;
  number->location = -1;
  return pg::AsNode(number);
}

/// The source's columns and, behind them, the number of the row.
Query *NumberedSource(const RowMerge &merge) {
  RangeTblEntry *source = SourceOf(merge);
  Query *select = SelectFrom(source);
  ListCell *cell;
  foreach (cell, source->subquery->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk) AddColumn(select, pg::AsNode(ColumnLike(pg::AsNode(target->expr), 1, target->resno)));
  }
  AddColumn(select, RowNumber());
  auto *window = makeNode(WindowClause);
  window->frameOptions = FRAMEOPTION_DEFAULTS;
  window->winref = 1;
  select->windowClause = list_make1(window);
  select->hasWindowFuncs = true;
  return select;
}

/// --- which action ---

/// The numbers of the source's row, as both sides know it: null where the pair has no row of the source, or of the target.
Node *NumberInSource(const RowMerge &merge) {
  const int columns = list_length(pg::Rte(merge.query->rtable, merge.source)->eref->colnames);
  return pg::AsNode(makeVar(merge.source, columns + 1, INT8OID, -1, InvalidOid, 0));
}
Node *NumberInMatched(const RowMerge &merge) { return pg::AsNode(makeVar(merge.pair + 1, 1, INT8OID, -1, InvalidOid, 0)); }

/// Whether the pair is of the kind that the action is for.
Node *IsOfKind(const RowMerge &merge, const MergeAction *action) {
  if (!merge.lone_source && !merge.lone_target) return pg::AsNode(makeBoolConst(true, false));
  if (pg::IsForMissingSource(action)) return IsNull(NumberInSource(merge), true);
  if (pg::IsForMatch(action)) return IsNull(NumberInMatched(merge), false);
  List *both = list_make2(IsNull(NumberInMatched(merge), true), IsNull(NumberInSource(merge), false));
  return pg::AsNode(make_ands_explicit(both));
}

/// The first action that is for the pair and whose condition holds.
Node *ChosenAction(const RowMerge &merge) {
  List *branches = NIL;
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    const auto *action = lfirst_node(MergeAction, cell);
    const int number = action->commandType == CMD_NOTHING ? 0 : foreach_current_index(cell) + 1;
    List *conditions = list_make1(IsOfKind(merge, action));
    if (action->qual != nullptr) conditions = lappend(conditions, Deeper(action->qual));
    branches = lappend(branches, When(pg::AsNode(make_ands_explicit(conditions)), CountOf(number)));
  }
  return Case(branches);
}

/// --- all pairs ---

constexpr int kSource = 1;  // range table indexes in their query
constexpr int kMatched = 2;
constexpr int kJoin = 3;

struct Sides {
  const RowMerge *merge;
  Columns matched;  // the number and columns of the target
};

Node *ColumnOfSide(Node *node, void *data) {
  const auto *sides = static_cast<Sides *>(data);
  if (!IsA(node, Var) && !IsPlaceCall(node)) return nullptr;
  const bool of_source = IsA(node, Var) && static_cast<int>(reinterpret_cast<Var *>(node)->varno) == sides->merge->source;
  Var *column = of_source ? ColumnLike(node, kSource, reinterpret_cast<Var *>(node)->varattno)
                          : ColumnLike(node, kMatched, sides->matched.Find(node));
  if (!of_source || sides->merge->lone_target) pg::NullBy(column, kJoin);
  return pg::AsNode(column);
}

/// The matched side's columns: the number, and what of the target these expressions read.
Columns MatchedColumns(const RowMerge &merge, List *exprs) {
  Columns all = {0, NIL}, columns = {0, list_make1(NumberInMatched(merge))};
  AddVarsOfExpr(pg::AsNode(exprs), &all);
  ListCell *cell;
  foreach (cell, all.exprs) {
    auto *expr = static_cast<Node *>(lfirst(cell));
    if (bms_is_member(merge.target, pull_varnos(nullptr, expr))) columns.Add(expr);
  }
  return columns;
}

Query *MatchedRows(const RowMerge &merge, RangeTblEntry *source, const Columns &columns) {
  Query *select = Matched(merge, source);
  auto *number = reinterpret_cast<Var *>(NumberInSource(merge));
  if (merge.lone_target) pg::NullBy(number, list_length(select->rtable));
  AddColumn(select, pg::AsNode(number));
  ListCell *cell;
  for_each_from(cell, columns.exprs, 1) AddColumn(select, pg::Copy(static_cast<Node *>(lfirst(cell))));
  return select;
}

/// Rows of either side that match nothing are pairs, too.
Query *AllPairs(const RowMerge &merge, List *exprs, List **ctes) {
  CommonTableExpr *source = ReadOnce("altius_source", NumberedSource(merge));
  Sides sides = {&merge, MatchedColumns(merge, exprs)};
  CommonTableExpr *matched = ReadOnce("altius_matched", MatchedRows(merge, ReadOf(source, 1), sides.matched));
  *ctes = lappend(lappend(*ctes, source), matched);
  Query *pairs = SelectFrom(ReadOf(source, 1));
  pairs->rtable = lappend(pairs->rtable, ReadOf(matched, 1));
  Node *condition = Equals(pg::AsNode(makeVar(kSource, list_length(source->ctecoltypes), INT8OID, -1, InvalidOid, 0)),
                           pg::AsNode(makeVar(kMatched, 1, INT8OID, -1, InvalidOid, 0)));
  const JoinType type = merge.lone_target ? JOIN_FULL : JOIN_LEFT;
  pairs->jointree = makeFromExpr(list_make1(AddJoin(pairs, type, kSource, kMatched, condition)), nullptr);
  ListCell *cell;
  foreach (cell, exprs) AddColumn(pairs, ReplaceInExpr(static_cast<Node *>(lfirst(cell)), ColumnOfSide, &sides));
  return pairs;
}

/// Only rows that match are.
Query *MatchedPairs(const RowMerge &merge, List *exprs) {
  Query *pairs = Matched(merge, SourceOf(merge));
  ListCell *cell;
  foreach (cell, exprs) AddColumn(pairs, static_cast<Node *>(lfirst(cell)));
  return pairs;
}

Node *ColumnOfPair(Node *node, void *data) {
  if (!IsA(node, Var) && !IsPlaceCall(node)) return nullptr;
  return pg::AsNode(ColumnLike(node, 1, static_cast<Columns *>(data)->Find(node)));
}

}  // namespace

void ReadPairs(const RowMerge &merge) {
  Query *rows = merge.shipping->rows;
  Columns columns = {1, list_make1(ActionOf(merge))};
  AddVarsOfExpr(pg::AsNode(rows->targetList), &columns);
  List *exprs = lcons(ChosenAction(merge), list_copy_tail(columns.exprs, 1));
  rows->cteList = pg::Copy(merge.query->cteList);
  Query *pairs = merge.lone_source || merge.lone_target ? AllPairs(merge, exprs, &rows->cteList) : MatchedPairs(merge, exprs);
  pairs->hasSubLinks = merge.query->hasSubLinks;
  pairs->limitOption = LIMIT_OPTION_COUNT;  // OFFSET 0: the action is not to be chosen again for each column
  pairs->limitOffset =
      pg::AsNode(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false, FLOAT8PASSBYVAL));
  rows->targetList = reinterpret_cast<List *>(ReplaceInExpr(pg::AsNode(rows->targetList), ColumnOfPair, &columns));
  rows->rtable = list_make1(SubqueryEntry(pairs, "altius_pairs"));
  auto *action = pg::AsNode(makeVar(1, kAction, INT4OID, -1, InvalidOid, 0));
  rows->jointree = makeFromExpr(list_make1(RefTo(1)), Compare(">", action, CountOf(0)));
}

}  // namespace altius::planner
