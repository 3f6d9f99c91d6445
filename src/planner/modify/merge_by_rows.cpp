// SPDX-License-Identifier: PostgreSQL
// MERGE that no shard can decide by itself.  Its rows are
//
//   SELECT CASE action WHEN n THEN new value END ..., ctid, shard
//   FROM (SELECT CASE WHEN matched AND condition THEN 1 ... END AS action, columns FROM pairs) WHERE action > 0
//
// where a pair is a row of the source and one of the target, which was locked where it lies.  When rows that match nothing count
// too, the source is read once and numbered:
//
//   WITH altius_source AS (SELECT *, row_number() OVER () FROM source),
//        altius_matched AS (SELECT number, columns FROM target JOIN altius_source ON condition FOR UPDATE OF target)
//   ... FROM altius_source LEFT JOIN altius_matched USING (number)
//
// Each shard gets the rows with their actions, and runs them as a MERGE by ctid: so a row that is met twice is an error, triggers
// fire and policies are checked as for any MERGE.  Where an action may change the distribution column the new row is shipped as a whole,
// and goes to another shard as that of an UPDATE does (move_key.cpp).
#include "merge_by_rows.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/select/cut.hpp"
#include "foreseen.hpp"
#include "local_merge.hpp"
#include "move_key.hpp"
#include "target_rows.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

struct RowMerge {
  Shipping *shipping;
  Query *query;
  int target;  // range table indexes
  int source;
  const Bitmapset *keeping;  // numbers of the actions that leave each row in its shard
  int pair;           // that the query would have if it stood in FROM: what its columns are is computed of target and source
  bool lone_source;   // rows of either side that match nothing count
  bool lone_target;
  List *moving;                   // numbers of actions that may change the distribution column
  pg::Array<AttrNumber> columns;  // of their new rows: the first that are shipped
};

constexpr int kAction = 1;  // the column of a pair that says what to do, 0: nothing

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

Node *IsNull(Node *arg, bool null) {
  auto *test = makeNode(NullTest);
  test->arg = reinterpret_cast<Expr *>(arg);
  test->nulltesttype = null ? IS_NULL : IS_NOT_NULL;
  test->location = -1;
  return pg::AsNode(test);
}

/// --- what is shipped, in terms of the MERGE's target, source and pair ---

Node *KeyOf(const RowMerge &merge, const MergeAction *action) {
  const catalog::Table &table = *merge.shipping->table;
  ListCell *cell;
  foreach (cell, action->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resno == table.key) return pg::AsNode(target->expr);
  }
  Oid type, collation;
  int32 typmod;
  get_atttypetypmodcoll(table.relid, table.key, &type, &typmod, &collation);
  return pg::AsNode(makeNullConst(type, typmod, collation));
}

/// By which rows to insert find their shards.  All actions that insert take their key from this column: it is computed once.
void AddKey(const RowMerge &merge) {
  if (merge.shipping->table->key == 0 || merge.moving != NIL) return;
  List *branches = NIL;
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    auto *action = lfirst_node(MergeAction, cell);
    if (action->commandType != CMD_INSERT) continue;
    Node *chosen = Equals(ActionOf(merge), CountOf(foreach_current_index(cell) + 1));
    branches = lappend(branches, When(chosen, pg::Copy(KeyOf(merge, action))));
  }
  if (branches == NIL) return;
  merge.shipping->ship.key_column = AddRowColumn(merge.shipping, reinterpret_cast<Expr *>(Case(branches))) - 1;
}

/// --- actions that may change the distribution column ---

bool SetsKey(const RowMerge &merge, const MergeAction *action) {
  ListCell *cell;
  foreach (cell, action->targetList) {
    if (lfirst_node(TargetEntry, cell)->resno == merge.shipping->table->key) return true;
  }
  return false;
}

List *MovingActions(const RowMerge &merge) {
  if (merge.shipping->table->key == 0) return NIL;
  List *numbers = NIL;
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    const auto *action = lfirst_node(MergeAction, cell);
    const int number = foreach_current_index(cell) + 1;
    const bool keeps = action->commandType != CMD_UPDATE || bms_is_member(number, merge.keeping) || !SetsKey(merge, action);
    if (!keeps) numbers = lappend_int(numbers, number);
  }
  if (numbers != NIL) CheckMergeMoves(merge.query, *merge.shipping->table);
  return numbers;
}

/// The column of the row as the action makes it.
Node *NewValue(const RowMerge &merge, const MergeAction *action, AttrNumber number) {
  ListCell *cell;
  foreach (cell, action->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (target->resno == number) return pg::Copy(pg::AsNode(target->expr));
  }
  Oid type, collation;
  int32 typmod;
  get_atttypetypmodcoll(merge.shipping->table->relid, number, &type, &typmod, &collation);
  return pg::AsNode(makeVar(merge.target, number, type, typmod, collation, 0));
}

/// The new rows, each value computed once; in that of the distribution column there is that of inserted rows, too.
void AddNewRow(const RowMerge &merge) {
  const AttrNumber key = merge.shipping->table->key;
  for (const AttrNumber column : merge.columns) {
    List *branches = NIL;
    ListCell *cell;
    foreach (cell, merge.query->mergeActionList) {
      const auto *action = lfirst_node(MergeAction, cell);
      const int number = foreach_current_index(cell) + 1;
      const bool inserts = column == key && action->commandType == CMD_INSERT;
      if (!inserts && !list_member_int(merge.moving, number)) continue;
      Node *value = inserts ? pg::Copy(KeyOf(merge, action)) : NewValue(merge, action, column);
      branches = lappend(branches, When(Equals(ActionOf(merge), CountOf(number)), value));
    }
    const int added = AddRowColumn(merge.shipping, reinterpret_cast<Expr *>(Case(branches)));
    if (column == key) merge.shipping->ship.key_column = added - 1;
  }
}

/// Whether the row may get another key.
void AddMoved(const RowMerge &merge) {
  List *chosen = NIL;
  ListCell *cell;
  foreach (cell, merge.moving) chosen = lappend(chosen, Equals(ActionOf(merge), CountOf(lfirst_int(cell))));
  merge.shipping->ship.moved_column = AddRowColumn(merge.shipping, make_orclause(chosen)) - 1;
}

/// The column with the target's new value, which is computed for the rows that get it.
int ColumnOfValue(const RowMerge &merge, const MergeAction *action, int number, const TargetEntry *target) {
  const Shipping &shipping = *merge.shipping;
  for (int i = 0; list_member_int(merge.moving, number) && i < merge.columns.size(); i++) {
    if (merge.columns[i] == target->resno) return i + 1;
  }
  const bool key = action->commandType == CMD_INSERT && target->resno == shipping.table->key;
  if (key && shipping.ship.key_column >= 0) return shipping.ship.key_column + 1;
  Node *chosen = Equals(ActionOf(merge), CountOf(number));
  List *branch = list_make1(When(chosen, pg::Copy(pg::AsNode(target->expr))));
  return AddRowColumn(merge.shipping, reinterpret_cast<Expr *>(Case(branch)));
}

/// In the statement's action there are the columns of the new values.
void AddValues(const RowMerge &merge, const MergeAction *action, int number, const MergeAction *of_shard) {
  ListCell *cell, *other;
  forboth(cell, action->targetList, other, of_shard->targetList) {
    const int column = ColumnOfValue(merge, action, number, lfirst_node(TargetEntry, cell));
    lfirst_node(TargetEntry, other)->expr = reinterpret_cast<Expr *>(ShippedColumn(*merge.shipping, merge.source, column));
  }
}

/// The actions as a shard has them: it is told which one to take.
void AddActions(const RowMerge &merge) {
  Shipping *shipping = merge.shipping;
  const int action_column = AddRowColumn(shipping, reinterpret_cast<Expr *>(ActionOf(merge)));
  ListCell *cell, *other;
  int number = 0;
  forboth(cell, merge.query->mergeActionList, other, shipping->statement->mergeActionList) {
    auto *of_shard = lfirst_node(MergeAction, other);
    AddValues(merge, lfirst_node(MergeAction, cell), ++number, of_shard);
    of_shard->qual = Equals(pg::AsNode(ShippedColumn(*shipping, merge.source, action_column)), CountOf(number));
    of_shard->override = OVERRIDING_NOT_SET;  // values of identity columns are made here
    if (pg::IsForMissingSource(of_shard)) pg::BecomeMatched(of_shard);
  }
}

/// A subquery in RETURNING that no shard can compute, but each row of the source has a value for.
bool IsOfSourceOnly(const RowMerge &merge, Node *node) {
  if (!IsA(node, SubLink) || MayBeArgument(node) || !ReadsElsewhere(node) || pg::IsAnonymousRow(exprType(node))) return false;
  Columns columns = {0, NIL};
  AddVarsOfExpr(node, &columns);
  ListCell *cell;
  foreach (cell, columns.exprs) {
    const auto *var = static_cast<const Var *>(lfirst(cell));
    if (!IsA(var, Var) || static_cast<int>(var->varno) != merge.source) return false;
  }
  return true;
}

Node *ShipSourceColumn(Node *node, void *data) {
  const auto *merge = static_cast<RowMerge *>(data);
  const bool column_of_source = IsA(node, Var) && static_cast<int>(reinterpret_cast<Var *>(node)->varno) == merge->source;
  if (!column_of_source && !IsOfSourceOnly(*merge, node)) return nullptr;
  const int column = AddRowColumn(merge->shipping, reinterpret_cast<Expr *>(pg::Copy(node)));
  return pg::AsNode(ColumnLike(node, merge->source, column));
}

void AddReturning(RowMerge *merge) {
  Query *statement = merge->shipping->statement;
  Node *returning = ReplaceInExpr(pg::AsNode(statement->returningList), ShipSourceColumn, merge);
  statement->returningList = reinterpret_cast<List *>(returning);
  SpellReturningConstants(merge->shipping, statement);
}

void AddShipped(RowMerge *merge) {
  Shipping *shipping = merge->shipping;
  Query *statement = shipping->statement = pg::Copy(merge->query);
  if (merge->moving != NIL) AddNewRow(*merge);
  AddKey(*merge);
  AddActions(*merge);
  AddReturning(merge);
  const pg::Array<Match> matches = AddMatches(shipping);
  if (merge->moving != NIL) {
    AddMoved(*merge);
    shipping->moves = MergeMoveStatements(shipping, merge->columns, matches);
  }
  lfirst(list_nth_cell(statement->rtable, merge->source - 1)) = ShippedRows(*shipping, 0);
  *pg::MergeCondition(statement) = IsMatch(*shipping, matches, merge->source);
  if (merge->lone_target) *pg::MergeTargetConditions(statement) = nullptr;
  statement->cteList = NIL;
  statement->hasSubLinks = true;
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

/// The rows, which were described in terms of target and source: SELECT ... FROM pairs WHERE action > 0.
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

Query *EmptySelect(const Query *merge) {
  auto *rows = makeNode(Query);
  rows->commandType = CMD_SELECT;
  rows->querySource = QSRC_ORIGINAL;
  rows->canSetTag = true;
  rows->hasRecursive = merge->hasRecursive;
  rows->hasModifyingCTE = merge->hasModifyingCTE;
  rows->hasSubLinks = merge->hasSubLinks;
  return rows;
}

}  // namespace

void ShipMergeByRows(Shipping *shipping, int source, const Bitmapset *keeping) {
  Query *query = shipping->original;
  RowMerge merge = {shipping, query, query->resultRelation, source, keeping, list_length(query->rtable) + 1, false,
                    HasActionForMissingSource(query), NIL, {}};
  ListCell *cell;
  foreach (cell, query->mergeActionList) {
    const auto *action = lfirst_node(MergeAction, cell);
    merge.lone_source = merge.lone_source || (!pg::IsForMissingSource(action) && !pg::IsForMatch(action));
  }
  merge.moving = MovingActions(merge);
  if (merge.moving != NIL) merge.columns = StoredColumns(shipping->table->relid);
  shipping->rows = EmptySelect(query);
  AddShipped(&merge);
  ReadPairs(merge);
}

}  // namespace altius::planner
