// SPDX-License-Identifier: PostgreSQL
// UPDATE of the distribution column.  A row with another key may belong to another shard, so it is deleted where it lies and inserted
// where it belongs; to the user it is updated.  The rows are
//
//   SELECT new.a, ..., ctid, shard, old key IS DISTINCT FROM new key, what RETURNING gives
//   FROM (SELECT update_row(..., old row, new row) AS new, ... FROM t, s WHERE q FOR UPDATE OF t) WHERE new is a row
//
// where update_row fires the triggers of the table (src/trigger/move.cpp) and leaves out a row that comes again.  Shards get three
// statements: an UPDATE of rows that stay where they are, a DELETE (src/task/leave.cpp) and an INSERT for the others.
#include "move_key.hpp"

#include "altius/deparse/deparse.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/row_triggers.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/select/cut.hpp"
#include "policy_checks.hpp"
#include "target_rows.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::planner {

namespace {

[[noreturn]] void Refuse(const catalog::Table& table, const char* why) {
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
           errmsg("cannot change the distribution column \"%s\" of table \"%s\" in this statement",
                  get_attname(table.relid, table.key, false), table.name),
           errdetail_internal("%s", why),
           errhint("Delete the row and insert it with the new value, in one transaction.")));
  pg_unreachable();
}

/// An UPDATE whose rows move.
struct Move {
  Shipping* shipping;
  Query* query;
  Relation relation;
  int pair;      // range table index that the rows would have if they stood in FROM: its first column is the new row
  pg::Array<AttrNumber> columns;  // those that are stored as they come
};

Expr* Column(const Move& move, int rti, AttrNumber number) {
  Form_pg_attribute column = TupleDescAttr(RelationGetDescr(move.relation), number - 1);
  return reinterpret_cast<Expr*>(makeVar(rti, number, column->atttypid, column->atttypmod, column->attcollation, 0));
}

TargetEntry* TargetOfColumn(const Query* update, int attribute) {
  ListCell* cell;
  foreach (cell, update->targetList) {
    auto* target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == attribute) return target;
  }
  return nullptr;
}

/// --- the new row ---

Oid RowType(const Move& move) { return move.relation->rd_rel->reltype; }

/// The row of the table, each column as `value` gives it.
template <typename Value>
Node* RowWith(const Move& move, Value&& value) {
  auto* row = makeNode(RowExpr);
  row->row_typeid = RowType(move);
  row->row_format = COERCE_EXPLICIT_CAST;
  row->location = -1;
  const TupleDesc columns = RelationGetDescr(move.relation);
  for (AttrNumber number = 1; number <= columns->natts; number++) {
    Form_pg_attribute column = TupleDescAttr(columns, number - 1);
    row->colnames = lappend(row->colnames, makeString(pstrdup(NameStr(column->attname))));
    Expr* expr = column->attisdropped ? reinterpret_cast<Expr*>(makeNullConst(INT4OID, -1, InvalidOid)) : value(number, column);
    row->args = lappend(row->args, expr);
  }
  return pg::AsNode(row);
}

Node* OldRow(const Move& move) {
  return RowWith(move, [&](AttrNumber number, Form_pg_attribute) { return Column(move, move.query->resultRelation, number); });
}

/// As BEFORE triggers see it: what is generated comes later.
Node* ProposedRow(const Move& move) {
  return RowWith(move, [&](AttrNumber number, Form_pg_attribute column) {
    if (column->attgenerated != '\0')
      return reinterpret_cast<Expr*>(makeNullConst(column->atttypid, column->atttypmod, column->attcollation));
    const TargetEntry* set = TargetOfColumn(move.query, number);
    return set != nullptr ? pg::Copy(set->expr) : Column(move, move.query->resultRelation, number);
  });
}

Node* UpdatedRow(const Move& move) {
  auto* relid = makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(move.shipping->table->relid), false, true);
  Node* shard = ShardOfRow(*move.shipping);
  Node* ctid = pg::AsNode(makeVar(move.query->resultRelation, SelfItemPointerAttributeNumber, TIDOID, -1, InvalidOid, 0));
  List* args = list_make5(relid, shard, ctid, OldRow(move), ProposedRow(move));
  // The collation of what it returns is its mark.
  return pg::AsNode(
      makeFuncExpr(UpdateRowFunction(), RowType(move), args, DEFAULT_COLLATION_OID, InvalidOid, COERCE_EXPLICIT_CALL));
}

Node* NewRow(const Move& move) { return pg::AsNode(makeVar(move.pair, 1, RowType(move), -1, InvalidOid, 0)); }

/// --- columns of the rows, in terms of the UPDATE's tables and the new row ---

Node* NewValue(const Move& move, AttrNumber number);

struct OfTarget {
  const Move* move;
};

Node* SubstituteNew(Node* node, void* data) {
  const Move& move = *static_cast<OfTarget*>(data)->move;
  if (!IsA(node, Var)) return nullptr;
  const auto* var = reinterpret_cast<const Var*>(node);
  if (static_cast<int>(var->varno) != move.query->resultRelation) return nullptr;
  if (var->varattno > 0) return NewValue(move, var->varattno);
  if (var->varattno < 0) Refuse(*move.shipping->table, "The place of the new row is read.");
  return RowWith(move, [&](AttrNumber number, Form_pg_attribute) { return reinterpret_cast<Expr*>(NewValue(move, number)); });
}

/// A column of the new row; what is generated is made of the others.
Node* NewValue(const Move& move, AttrNumber number) {
  Form_pg_attribute column = TupleDescAttr(RelationGetDescr(move.relation), number - 1);
  if (column->attgenerated != '\0') {
    Node* value = build_column_default(move.relation, number);
    ChangeVarNodes(value, 1, move.query->resultRelation, 0);
    OfTarget of_target = {&move};
    return ReplaceInExpr(value, SubstituteNew, &of_target);
  }
  auto* field = makeNode(FieldSelect);
  field->arg = reinterpret_cast<Expr*>(NewRow(move));
  field->fieldnum = number;
  field->resulttype = column->atttypid;
  field->resulttypmod = column->atttypmod;
  field->resultcollid = column->attcollation;
  return pg::AsNode(field);
}

void AddNewColumns(Move* move) {
  const TupleDesc columns = RelationGetDescr(move->relation);
  for (AttrNumber number = 1; number <= columns->natts; number++) {
    Form_pg_attribute column = TupleDescAttr(columns, number - 1);
    if (column->attisdropped || column->attgenerated != '\0') continue;
    move->columns.push_back(number);
    const int added = AddRowColumn(move->shipping, reinterpret_cast<Expr*>(NewValue(*move, number)));
    if (number == move->shipping->table->key) move->shipping->ship.key_column = added - 1;
  }
}

/// The value of a row that fits all policies.
Node* Checked(const Move& move, Node* value) {
  OfTarget of_target = {&move};
  for (int i = list_length(move.query->withCheckOptions) - 1; i >= 0; i--) {
    const auto* option = list_nth_node(WithCheckOption, move.query->withCheckOptions, i);
    value = CheckedByPolicy(option, ReplaceInExpr(pg::Copy(option->qual), SubstituteNew, &of_target), value);
  }
  return value;
}

/// Whether the row gets another key.
void AddMoved(const Move& move) {
  const AttrNumber key = move.shipping->table->key;
  auto* differs = reinterpret_cast<OpExpr*>(
      Equals(pg::AsNode(Column(move, move.query->resultRelation, key)), NewValue(move, key)));
  NodeSetTag(differs, T_DistinctExpr);
  differs->inputcollid = TupleDescAttr(RelationGetDescr(move.relation), key - 1)->attcollation;
  auto* moved = reinterpret_cast<Expr*>(Checked(move, pg::AsNode(differs)));
  move.shipping->ship.moved_column = AddRowColumn(move.shipping, moved) - 1;
}

void AddReturned(const Move& move) {
  OfTarget of_target = {&move};
  ListCell* cell;
  foreach (cell, move.query->returningList) {
    Node* value = ReplaceInExpr(pg::Copy(pg::AsNode(lfirst_node(TargetEntry, cell)->expr)), SubstituteNew, &of_target);
    const int column = list_length(move.shipping->rows->targetList) + 1;
    auto* target = makeTargetEntry(reinterpret_cast<Expr*>(value), column, psprintf("c%d", column), false);
    move.shipping->rows->targetList = lappend(move.shipping->rows->targetList, target);
    if (move.shipping->ship.returned_column < 0) move.shipping->ship.returned_column = column - 1;
  }
}

/// --- what the shards run ---

Query* OnShard(const Move& move, CmdType command) {
  auto* query = makeNode(Query);
  query->commandType = command;
  query->querySource = QSRC_ORIGINAL;
  query->canSetTag = true;
  query->resultRelation = move.query->resultRelation;
  query->rtable = pg::Copy(move.query->rtable);
  ListCell* cell;
  foreach (cell, query->rtable) {
    if (foreach_current_index(cell) + 1 != query->resultRelation) BlankEntry(static_cast<RangeTblEntry*>(lfirst(cell)));
  }
  pg::ForgetPermissions(query);
  return query;
}

/// UPDATE and DELETE of the shipped rows.
Query* Change(const Move& move, CmdType command, const pg::Array<Match>& matches) {
  Query* query = OnShard(move, command);
  query->rtable = lappend(query->rtable, ShippedRows(*move.shipping, 0));
  const int rows = list_length(query->rtable);
  query->jointree = makeFromExpr(list_make2(RefTo(query->resultRelation), RefTo(rows)), IsMatch(*move.shipping, matches, rows));
  return query;
}

void SetColumns(const Move& move, Query* query, int rows) {
  for (int i = 0; i < move.columns.size(); i++) {
    const AttrNumber number = move.columns[i];
    Form_pg_attribute column = TupleDescAttr(RelationGetDescr(move.relation), number - 1);
    if (query->commandType == CMD_UPDATE && column->attidentity == ATTRIBUTE_IDENTITY_ALWAYS) continue;
    auto* value = reinterpret_cast<Expr*>(ShippedColumn(*move.shipping, rows, i + 1));
    query->targetList = lappend(query->targetList, makeTargetEntry(value, number, pstrdup(NameStr(column->attname)), false));
  }
}

Query* Arrive(const Move& move) {
  Query* select = SelectFrom(ShippedRows(*move.shipping, 1));
  for (int i = 1; i <= move.columns.size(); i++) {
    auto* value = reinterpret_cast<Expr*>(ShippedColumn(*move.shipping, 1, i));
    select->targetList = lappend(select->targetList, makeTargetEntry(value, i, psprintf("c%d", i), false));
  }
  Query* query = OnShard(move, CMD_INSERT);
  query->rtable = lappend(query->rtable, SubqueryEntry(select, "altius_source"));
  const int rows = list_length(query->rtable);
  query->jointree = FromOne(rows);
  SetColumns(move, query, rows);
  return query;
}

/// --- the rows ---

Node* ColumnOfRows(Node* node, void* data) {
  if (!IsA(node, Var) && !IsPlaceCall(node)) return nullptr;
  return pg::AsNode(ColumnLike(node, 1, static_cast<Columns*>(data)->Find(node)));
}

/// SELECT the new row and what else is needed FROM the UPDATE's tables.
Query* UpdatedRows(const Move& move, const Columns& columns) {
  Query* select = pg::Copy(move.query);
  select->commandType = CMD_SELECT;
  select->resultRelation = 0;
  select->returningList = select->targetList = select->cteList = select->withCheckOptions = NIL;
  select->hasModifyingCTE = select->hasRecursive = false;
  ListCell* cell;
  foreach (cell, columns.exprs) {
    const int number = foreach_current_index(cell) + 1;
    Node* expr = number == 1 ? UpdatedRow(move) : pg::Copy(static_cast<Node*>(lfirst(cell)));
    auto* target = makeTargetEntry(reinterpret_cast<Expr*>(expr), number, psprintf("c%d", number), false);
    select->targetList = lappend(select->targetList, target);
  }
  pg::Rte(select->rtable, move.query->resultRelation)->inFromCl = true;
  pg::ForgetPermissions(select);
  LockRows(select, move.query->resultRelation);
  RaiseCtesOf(select);
  return select;
}

void ReadUpdated(const Move& move) {
  Query* rows = move.shipping->rows;
  Columns columns = {1, list_make1(NewRow(move))};
  AddVarsOfExpr(pg::AsNode(rows->targetList), &columns);
  rows->rtable = list_make1(SubqueryEntry(UpdatedRows(move, columns), "altius_updated"));
  rows->targetList = reinterpret_cast<List*>(ReplaceInExpr(pg::AsNode(rows->targetList), ColumnOfRows, &columns));
  auto* test = makeNode(NullTest);
  test->arg = reinterpret_cast<Expr*>(makeVar(1, 1, RowType(move), -1, InvalidOid, 0));
  test->nulltesttype = IS_NOT_NULL;  // not of its fields
  test->location = -1;
  rows->jointree = makeFromExpr(list_make1(RefTo(1)), pg::AsNode(test));
}

Query* NoRows(const Query* update) {
  auto* rows = makeNode(Query);
  rows->commandType = CMD_SELECT;
  rows->querySource = QSRC_ORIGINAL;
  rows->canSetTag = true;
  rows->cteList = pg::Copy(update->cteList);
  rows->hasRecursive = update->hasRecursive;
  rows->hasModifyingCTE = update->hasModifyingCTE;
  rows->hasSubLinks = update->hasSubLinks;
  rows->hasRowSecurity = update->hasRowSecurity;
  return rows;
}

}  // namespace

MoveStatements ShipMove(Shipping* shipping) {
  Query* query = shipping->original;
  Relation relation = table_open(shipping->table->relid, NoLock);
  Move move = {shipping, query, relation, list_length(query->rtable) + 1, {}};
  shipping->rows = NoRows(query);
  AddNewColumns(&move);
  const pg::Array<Match> matches = AddMatches(shipping);
  AddMoved(move);
  AddReturned(move);
  shipping->statement = Change(move, CMD_UPDATE, matches);
  SetColumns(move, shipping->statement, list_length(shipping->statement->rtable));
  const MoveStatements others = {Change(move, CMD_DELETE, matches), Arrive(move)};
  ReadUpdated(move);
  table_close(relation, NoLock);
  return others;
}

void CheckMergeMoves(const Query* merge, const catalog::Table& table) {
  const RangeTblEntry* target = pg::Rte(merge->rtable, merge->resultRelation);
  if (merge->withCheckOptions != NIL || target->securityQuals != NIL) Refuse(table, "Row security applies to it.");
  if (merge->returningList != NIL) Refuse(table, "RETURNING of MERGE would be computed where the row was.");
  Relation relation = table_open(table.relid, NoLock);
  if (pg::HasRowTriggers(table.relid, 0)) Refuse(table, "The table has triggers, which would see another action of MERGE.");
  const TriggerDesc* triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    if (!triggers->triggers[i].tgisinternal) Refuse(table, "The table has triggers, which would see another action of MERGE.");
  }
  table_close(relation, NoLock);
}

MoveStatements MergeMoveStatements(Shipping* shipping, const pg::Array<AttrNumber>& columns, const pg::Array<Match>& matches) {
  Relation relation = table_open(shipping->table->relid, NoLock);
  const Move move = {shipping, shipping->original, relation, 0, columns};
  const MoveStatements statements = {Change(move, CMD_DELETE, matches), Arrive(move)};
  table_close(relation, NoLock);
  return statements;
}

pg::Array<AttrNumber> StoredColumns(Oid relid) {
  pg::Array<AttrNumber> numbers;
  Relation relation = table_open(relid, NoLock);
  const TupleDesc columns = RelationGetDescr(relation);
  for (AttrNumber number = 1; number <= columns->natts; number++) {
    Form_pg_attribute column = TupleDescAttr(columns, number - 1);
    if (!column->attisdropped && column->attgenerated == '\0') numbers.push_back(number);
  }
  table_close(relation, NoLock);
  return numbers;
}

}  // namespace altius::planner
