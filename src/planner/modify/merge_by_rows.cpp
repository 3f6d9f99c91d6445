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
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "foreseen.hpp"
#include "local_merge.hpp"
#include "merge_pairs.hpp"
#include "move_key.hpp"
#include "target_rows.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

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
