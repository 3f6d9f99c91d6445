// SPDX-License-Identifier: PostgreSQL
// UPDATE of the distribution column.  A row with another key belongs to another shard, so it is
// deleted where it lies and inserted where it belongs, as PostgreSQL does with partitions:
//
//   UPDATE t SET k = e FROM s WHERE q RETURNING r
//
// becomes
//
//   WITH altius_moved AS (DELETE FROM t USING s WHERE q RETURNING what the new rows are made of)
//   INSERT INTO t SELECT new rows FROM altius_moved RETURNING r
//
// Concurrent changes of a row are seen by the DELETE as they would be by the UPDATE.  What would
// come out otherwise than with an UPDATE (triggers, foreign keys that delete) is refused.
#include "move_key.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/stable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
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

bool DeletesOthers(Oid function) {
  return function == F_RI_FKEY_CASCADE_DEL || function == F_RI_FKEY_SETNULL_DEL ||
         function == F_RI_FKEY_SETDEFAULT_DEL;
}

void CheckTriggers(const catalog::Table& table, Relation relation) {
  const TriggerDesc* triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    if (trigger.tgenabled == TRIGGER_DISABLED) continue;
    if (DeletesOthers(trigger.tgfoid)) {
      Refuse(table, "A foreign key to the table would delete or change the rows that refer to it.");
    }
    if (!trigger.tgisinternal) {
      Refuse(
          table,
          "The table has triggers, for which the row would be deleted and inserted, not updated.");
    }
  }
}

bool HasSubLinkTarget(const Query* query) {
  ListCell* cell;
  foreach (cell, query->targetList) {
    if (lfirst_node(TargetEntry, cell)->resjunk) return true;
  }
  return false;
}

void CheckStatement(const Query* update, const catalog::Table& table) {
  const RangeTblEntry* target = pg::Rte(update->rtable, update->resultRelation);
  if (update->withCheckOptions != NIL || target->securityQuals != NIL) {
    Refuse(table, "Row security applies to it.");
  }
  if (HasSubLinkTarget(update)) Refuse(table, "It sets several columns from one subquery.");
  Bitmapset* returned = pull_varnos(nullptr, pg::AsNode(update->returningList));
  if (!bms_is_subset(returned, bms_make_singleton(update->resultRelation))) {
    Refuse(table, "RETURNING reads columns of other tables.");
  }
  const bool reads_more = checkExprHasSubLink(pg::AsNode(update->targetList)) ||
                          checkExprHasSubLink(pg::AsNode(update->returningList));
  if (update->cteList != NIL && reads_more)
    Refuse(table, "It has both WITH and subqueries in SET or RETURNING.");
}

TargetEntry* TargetOfColumn(const Query* update, int attribute) {
  ListCell* cell;
  foreach (cell, update->targetList) {
    auto* target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == attribute) return target;
  }
  return nullptr;
}

/// A column of the new row, in terms of the UPDATE.
struct NewColumn {
  AttrNumber attribute;
  const char* name;
  Expr* value;
};

/// Generated columns are made again where the row is inserted.
pg::Array<NewColumn> NewRow(const Query* update, Relation relation) {
  pg::Array<NewColumn> row;
  TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(columns, i);
    if (column->attisdropped || column->attgenerated != '\0') continue;
    TargetEntry* set = TargetOfColumn(update, i + 1);
    Expr* old = reinterpret_cast<Expr*>(makeVar(update->resultRelation,
                                                static_cast<AttrNumber>(i + 1), column->atttypid,
                                                column->atttypmod, column->attcollation, 0));
    row.push_back({static_cast<AttrNumber>(i + 1), pstrdup(NameStr(column->attname)),
                   set != nullptr ? set->expr : old});
  }
  return row;
}

bool IsUsersStable(Oid function, void*) {
  return function >= FirstNormalObjectId && func_volatile(function) == PROVOLATILE_STABLE;
}

bool UsersStableWalker(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query*>(node), UsersStableWalker, context);
  const bool reads = check_functions_in_node(node, IsUsersStable, nullptr) && !(IsA(node, FuncExpr) && HasSameBodyOnAllNodes(node));
  return reads || pg::Walk(node, UsersStableWalker, context);
}

/// What the DELETE returns: columns, and values that may be read from the table, which are those from before it.
Node* ColumnOfMoved(Node* node, void* data) {
  auto* moved = static_cast<Columns*>(data);
  if (IsA(node, CaseWhen)) return nullptr;  // no value
  const bool read_before = UsersStableWalker(node, nullptr) && !contain_var_clause(node) && !checkExprHasSubLink(node);
  if (!IsA(node, Var) && !read_before) return nullptr;
  return pg::AsNode(ColumnLike(node, moved->rti, moved->Add(node)));
}

Node* ValueOfMoved(const catalog::Table& table, Node* value, Columns* moved) {
  Node* expr = ReplaceInExpr(value, ColumnOfMoved, moved);
  if (UsersStableWalker(expr, nullptr)) Refuse(table, "A function in SET, which depends on the row, may read the table.");
  return expr;
}

/// DELETE ... RETURNING the columns, as a CTE.
CommonTableExpr* MovedRows(const Query* update, const Columns& columns) {
  auto* remove = pg::Copy(const_cast<Query*>(update));
  remove->commandType = CMD_DELETE;
  remove->canSetTag = false;
  remove->targetList = remove->returningList = NIL;
  auto* cte = makeNode(CommonTableExpr);
  cte->ctename = pstrdup("altius_moved");
  cte->ctematerialized = CTEMaterializeDefault;
  cte->location = -1;
  cte->cterefcount = 1;
  ListCell* cell;
  foreach (cell, columns.exprs) {
    auto* expr = static_cast<Node*>(lfirst(cell));
    const int number = foreach_current_index(cell) + 1;
    char* name = psprintf("c%d", number);
    auto* column = makeTargetEntry(pg::Copy(reinterpret_cast<Expr*>(expr)),
                                   static_cast<AttrNumber>(number), name, false);
    remove->returningList = lappend(remove->returningList, column);
    cte->ctecolnames = lappend(cte->ctecolnames, makeString(name));
    cte->ctecoltypes = lappend_oid(cte->ctecoltypes, exprType(expr));
    cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, exprTypmod(expr));
    cte->ctecolcollations = lappend_oid(cte->ctecolcollations, exprCollation(expr));
  }
  cte->ctequery = pg::AsNode(remove);
  return cte;
}

RangeTblEntry* EntryOf(const CommonTableExpr* cte) {
  auto* rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_CTE;
  rte->ctename = cte->ctename;
  rte->ctelevelsup = 1;
  rte->coltypes = cte->ctecoltypes;
  rte->coltypmods = cte->ctecoltypmods;
  rte->colcollations = cte->ctecolcollations;
  rte->eref = makeAlias(cte->ctename, pg::Copy(cte->ctecolnames));
  rte->inFromCl = true;
  return rte;
}

/// SELECT the new rows FROM altius_moved
RangeTblEntry* NewRows(List* targets, const CommonTableExpr* cte) {
  auto* select = makeNode(Query);
  select->commandType = CMD_SELECT;
  select->querySource = QSRC_ORIGINAL;
  select->canSetTag = true;
  select->rtable = list_make1(EntryOf(cte));
  select->jointree = FromOne(1);
  select->targetList = targets;
  select->hasSubLinks = checkExprHasSubLink(pg::AsNode(targets));
  auto* rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_SUBQUERY;
  rte->subquery = select;
  List* names = NIL;
  ListCell* cell;
  foreach (cell, targets)
    names = lappend(names, makeString(pstrdup(lfirst_node(TargetEntry, cell)->resname)));
  rte->eref = makeAlias("altius_source", names);
  rte->inFromCl = true;
  return rte;
}

/// INSERT INTO target, which is 1 in its range table; the source is 2.
Query* InsertInto(const Query* update) {
  auto* insert = makeNode(Query);
  insert->commandType = CMD_INSERT;
  insert->querySource = QSRC_ORIGINAL;
  insert->canSetTag = true;
  insert->resultRelation = 1;
  auto* target = pg::Copy(pg::Rte(update->rtable, update->resultRelation));
  pg::ForgetPermissions(target);  // the UPDATE's are checked
  insert->rtable = list_make1(target);
  insert->jointree = FromOne(2);
  insert->returningList = pg::Copy(update->returningList);
  ChangeVarNodes(pg::AsNode(insert->returningList), update->resultRelation, 1, 0);
  insert->hasModifyingCTE = true;
  insert->hasSubLinks = checkExprHasSubLink(pg::AsNode(insert->returningList));
  return insert;
}

}  // namespace

Query* MoveRows(const Query* update, const catalog::Table& table) {
  CheckStatement(update, table);
  Relation relation = table_open(table.relid, NoLock);
  CheckTriggers(table, relation);
  const pg::Array<NewColumn> row = NewRow(update, relation);
  table_close(relation, NoLock);

  Query* insert = InsertInto(update);
  Columns moved = {1, NIL};
  List* targets = NIL;
  for (const NewColumn& column : row) {
    Node* expr = ValueOfMoved(table, pg::Copy(pg::AsNode(column.value)), &moved);
    const auto number = static_cast<AttrNumber>(list_length(targets) + 1);
    targets = lappend(targets, makeTargetEntry(reinterpret_cast<Expr*>(expr), number,
                                               pstrdup(column.name), false));
    auto* value = reinterpret_cast<Expr*>(ColumnLike(expr, 2, number));
    insert->targetList = lappend(
        insert->targetList, makeTargetEntry(value, column.attribute, pstrdup(column.name), false));
  }
  if (moved.exprs == NIL) {  // the DELETE has to return something
    moved.Add(pg::AsNode(makeVar(update->resultRelation, SelfItemPointerAttributeNumber, TIDOID, -1,
                                 InvalidOid, 0)));
  }
  CommonTableExpr* cte = MovedRows(update, moved);
  insert->cteList = list_make1(cte);
  insert->rtable = lappend(insert->rtable, NewRows(targets, cte));
  return insert;
}

}  // namespace altius::planner
