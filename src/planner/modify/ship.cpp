// SPDX-License-Identifier: PostgreSQL
// A modification in two halves: a SELECT that PostgreSQL plans like any other (with fragments as leaves), and a statement
// that each shard runs on the rows meant for it.  Rows to insert find their shard by the key; rows to update or delete were
// locked where they lie (of a reference table: on the leading copy), and name their shard and ctid.
#include "ship.hpp"

#include "altius/core/order/with.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "altius/trigger/trigger.hpp"
#include "planner/level.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/nodes/records.hpp"
#include "planner/normalize/security.hpp"
#include "planner/select/rewrite.hpp"
#include "copies.hpp"
#include "foreseen.hpp"
#include "move_key.hpp"
#include "multi_assign.hpp"
#include "nested.hpp"
#include "ship_merge.hpp"
#include "ship_node.hpp"
#include "shipping.hpp"
#include "target_rows.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::planner {

namespace {

Query *RowsOf(Query *query) {
  Query *rows = pg::Copy(query);
  rows->commandType = CMD_SELECT;
  rows->resultRelation = 0;
  rows->returningList = NIL;
  rows->onConflict = nullptr;
  rows->override = OVERRIDING_NOT_SET;
  rows->targetList = NIL;
  return rows;
}

void ShipConstants(Shipping *shipping, Query *statement) {
  SpellReturningConstants(shipping, statement);
  statement->onConflict = reinterpret_cast<OnConflictExpr *>(SpellConstants(shipping, pg::AsNode(statement->onConflict), kByRows));
  CheckReadsNothingElsewhere(pg::AsNode(statement->onConflict));
}

/// --- INSERT ---

/// INSERT INTO target (columns) SELECT c1, ... FROM altius_rows ...
void MakeInsertStatement(Shipping *shipping, List *column_of_target) {
  Query *statement = shipping->statement = pg::Copy(shipping->original);
  Query *select = SelectFrom(ShippedRows(*shipping, 1));
  for (int i = 1; i <= list_length(column_of_target); i++) {
    auto *expr = reinterpret_cast<Expr *>(ShippedColumn(*shipping, 1, i));
    select->targetList = lappend(select->targetList, makeTargetEntry(expr, i, psprintf("c%d", i), false));
  }
  const int rti = ReplaceSource(statement, select);
  statement->hasTargetSRFs = false;
  statement->override = OVERRIDING_NOT_SET;
  statement->cteList = NIL;
  ListCell *cell;
  foreach (cell, statement->targetList) {
    const int column = list_nth_int(column_of_target, foreach_current_index(cell));
    lfirst_node(TargetEntry, cell)->expr = reinterpret_cast<Expr *>(ShippedColumn(*shipping, rti, column));
  }
}

void ShipInsert(Shipping *shipping) {
  Query *query = shipping->original;
  List *column_of_target = NIL;
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    const int column = AddRowColumn(shipping, pg::Copy(target->expr));
    column_of_target = lappend_int(column_of_target, column);
    if (target->resno == shipping->table->key) shipping->ship.key_column = column - 1;
  }
  BlankEntry(pg::Rte(shipping->rows->rtable, query->resultRelation));
  if (query->onConflict != nullptr && query->onConflict->exclRelIndex > 0) {
    BlankEntry(pg::Rte(shipping->rows->rtable, query->onConflict->exclRelIndex));
  }
  const bool foreseen = IsInsertForeseen(*shipping);
  if (!foreseen) ShipConstants(shipping, query);
  shipping->ship.column_count = list_length(shipping->rows->targetList);
  MakeInsertStatement(shipping, column_of_target);
  if (foreseen) ReturnForeseen(shipping);
}

/// --- UPDATE, DELETE ---

bool HoldsAnonymousRow(Node *node, void *) {
  if (node == nullptr) return false;
  if (IsA(node, Var)) return pg::IsAnonymousRow(reinterpret_cast<Var *>(node)->vartype);
  return IsA(node, SubLink) || pg::Walk(node, HoldsAnonymousRow, nullptr);
}

/// What is made of the row of a subquery, which can't be shipped itself: row_to_json(q), q IS NULL.
bool IsMadeOfSourceRow(Node *node, int target) {
  if (IsA(node, List) || IsA(node, CaseWhen) || pg::IsAnonymousRow(exprType(node)) || !HoldsAnonymousRow(node, nullptr)) return false;
  return !checkExprHasSubLink(node) && !contain_volatile_functions(node) && !bms_is_member(target, pull_varnos(nullptr, node));
}

/// In RETURNING: columns of the target stay, those of other relations come with the shipped rows.
Node *SubstituteSource(Node *node, void *data) {
  auto *shipping = static_cast<Shipping *>(data);
  Node *foreseen = ForeseenSubquery(*shipping, node);
  if (foreseen != nullptr) return pg::AsNode(ColumnLike(node, shipping->sources.rti, -shipping->sources.Add(foreseen)));
  if (!IsA(node, Var) && !IsMadeOfSourceRow(node, shipping->original->resultRelation)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (IsA(node, Var)) {
    const int varno = static_cast<int>(var->varno);
    if (varno == shipping->original->resultRelation || varno == shipping->sources.rti || var->varlevelsup > 0) return nullptr;
    if (var->varattno == InvalidAttrNumber && pg::IsAnonymousRow(var->vartype)) return nullptr;  // about to be spelled out
  }
  const int index = shipping->sources.Add(node);
  return pg::AsNode(ColumnLike(node, shipping->sources.rti, -index));
}

/// Numbers of source columns are known only when all columns are: they were noted as negative ones.
Node *NumberSource(Node *node, void *data) {
  auto *shipping = static_cast<Shipping *>(data);
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (var->varno != shipping->sources.rti || var->varattno > 0) return nullptr;
  const int column = list_length(shipping->original->targetList) - var->varattno;
  return pg::AsNode(ColumnLike(node, var->varno, column));
}

void ReadSourcesInReturning(Shipping *shipping) {
  Query *statement = shipping->statement;
  statement->returningList =
      reinterpret_cast<List *>(ReplaceInExpr(pg::AsNode(statement->returningList), SubstituteSource, shipping));
}

void ShipChange(Shipping *shipping) {
  Query *query = shipping->original;
  if (query->commandType == CMD_DELETE) query->targetList = NIL;
  Query *statement = shipping->statement = pg::Copy(query);
  const int rti = shipping->sources.rti = list_length(query->rtable) + 1;
  ListCell *cell;
  foreach (cell, query->targetList) AddRowColumn(shipping, pg::Copy(lfirst_node(TargetEntry, cell)->expr));
  ReadSourcesInReturning(shipping);
  ExpandWholeRows(statement, bms_del_member(bms_add_range(nullptr, 1, rti - 1), query->resultRelation));
  ReadSourcesInReturning(shipping);  // of the rows that were expanded
  foreach (cell, shipping->sources.exprs) AddRowColumn(shipping, pg::Copy(static_cast<Expr *>(lfirst(cell))));
  shipping->rows->hasSubLinks = query->hasSubLinks;
  statement->returningList =
      reinterpret_cast<List *>(ReplaceInExpr(pg::AsNode(statement->returningList), NumberSource, shipping));
  ShipConstants(shipping, statement);

  const pg::Array<Match> matches = AddMatches(shipping);
  LockRows(shipping->rows, query->resultRelation);
  ListCell *entry;
  foreach (entry, statement->rtable) {
    if (foreach_current_index(entry) + 1 != query->resultRelation) {
      BlankEntry(static_cast<RangeTblEntry *>(lfirst(entry)));
    }
  }
  statement->rtable = lappend(statement->rtable, ShippedRows(*shipping, 0));
  statement->jointree = makeFromExpr(list_make2(RefTo(query->resultRelation), RefTo(rti)),
                                     IsMatch(*shipping, matches, rti));
  statement->cteList = NIL;
  foreach (cell, statement->targetList) {
    lfirst_node(TargetEntry, cell)->expr =
        reinterpret_cast<Expr *>(ShippedColumn(*shipping, rti, foreach_current_index(cell) + 1));
  }
}

bool IsUsersStable(Oid function, void *) {
  return function >= FirstNormalObjectId && func_volatile(function) == PROVOLATILE_STABLE;
}

/// Such a function may read the target; volatile ones see what was changed before on one server, too.
bool UsersStableWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), UsersStableWalker, context);
  return check_functions_in_node(node, IsUsersStable, nullptr) || pg::Walk(node, UsersStableWalker, context);
}

Shipping Begin(Query *query, const catalog::Table &table) {
  if (query->commandType == CMD_UPDATE) SpellMultiAssignments(query);
  Shipping shipping = {&table, query, RowsOf(query), nullptr, {0, NIL}, {}, {}};
  shipping.ship.command = query->commandType;
  shipping.ship.target = table.relid;
  shipping.ship.changes = trigger::ChangesOf(query, table.relid);
  shipping.ship.key_column = shipping.ship.shard_column = shipping.ship.moved_column = shipping.ship.returned_column = -1;
  shipping.ship.tables = list_make1_oid(table.relid);
  return shipping;
}

bool GoesAtOnce(const Shipping &shipping) {
  core::order::Rows rows;
  const OnConflictExpr *conflict = shipping.original->onConflict;
  rows.meets_twice = shipping.ship.command == CMD_MERGE || (conflict != nullptr && conflict->action == ONCONFLICT_UPDATE);
  rows.moves = shipping.ship.moved_column >= 0;
  rows.reads_unseen = UsersStableWalker(pg::AsNode(shipping.rows), nullptr);
  return core::order::GoAtOnce(rows);
}

PlannedStmt *PlanShipped(Shipping *shipping, List *computed, const Request &request) {
  Query *rows = pg::Copy(shipping->rows);
  WrapSecuredTargets(rows);
  Rewrite(rows, nullptr);
  PlannedStmt *plan = PlanRows(rows, request);
  plan->planTree = &MakeShipNode(shipping, plan, computed)->scan.plan;
  plan->commandType = shipping->original->commandType;
  plan->hasReturning = shipping->original->returningList != NIL;
  return plan;
}

}  // namespace

PlannedStmt *PlanMove(Query *query, const catalog::Table &table, const Request &request) {
  Shipping shipping = Begin(query, table);
  shipping.moves = ShipMove(&shipping);
  shipping.ship.at_once = GoesAtOnce(shipping);
  return PlanShipped(&shipping, NIL, request);
}

PlannedStmt *PlanShipping(Query *query, const catalog::Table &table, List *computed, const Request &request) {
  Shipping shipping = Begin(query, table);
  if (table.kind == catalog::TableKind::Reference) shipping.ship.copies = CopiesOfShipped(query, table);
  if (query->commandType == CMD_INSERT) {
    ShipInsert(&shipping);
  } else if (query->commandType == CMD_MERGE) {
    ShipMerge(&shipping);
  } else {
    ShipChange(&shipping);
  }
  shipping.ship.at_once = GoesAtOnce(shipping);
  return PlanShipped(&shipping, computed, request);
}

}  // namespace altius::planner
