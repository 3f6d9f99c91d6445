// SPDX-License-Identifier: PostgreSQL
#include "foreseen.hpp"

#include "altius/core/evaluation/foreseen.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/row_triggers.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/select/cut.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

namespace evaluation = core::evaluation;

/// `data`: how many queries stand around the node within the expression.
bool ElsewhereWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  const int depth = *static_cast<int *>(data);
  if (IsA(node, RangeTblEntry)) {
    auto *rte = reinterpret_cast<RangeTblEntry *>(node);
    // No WITH goes to shards but that of the shipped rows.
    if (rte->rtekind == RTE_CTE) return static_cast<int>(rte->ctelevelsup) >= depth && strcmp(rte->ctename, "altius_rows") != 0;
    const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
    if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_VIEW) return false;
    return table == nullptr || table->kind != catalog::TableKind::Reference;
  }
  if (IsA(node, Query)) {
    int inner = depth + 1;
    return pg::WalkQuery(reinterpret_cast<Query *>(node), ElsewhereWalker, &inner, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, ElsewhereWalker, data);
}

/// BEFORE triggers may.
bool MayChangeNewRows(Oid relid, int16 event) { return pg::HasRowTriggers(relid, TRIGGER_TYPE_BEFORE | event); }

Node *SubstituteAssigned(Node *node, void *data) {
  const auto *update = static_cast<Query *>(data);
  if (!IsA(node, Var) || static_cast<int>(reinterpret_cast<Var *>(node)->varno) != update->resultRelation) return nullptr;
  ListCell *cell;
  foreach (cell, update->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == reinterpret_cast<Var *>(node)->varattno) return pg::Copy(pg::AsNode(target->expr));
  }
  return nullptr;
}

/// Of the target, no more than columns that are stored as they come.
bool ReadsPlainColumns(const Shipping &shipping, Node *expr) {
  Columns columns = {0, NIL};
  AddVarsOfExpr(expr, &columns);
  ListCell *cell;
  foreach (cell, columns.exprs) {
    const auto *var = static_cast<const Var *>(lfirst(cell));
    if (!IsA(var, Var)) return false;
    if (static_cast<int>(var->varno) != shipping.original->resultRelation) continue;
    if (var->varattno <= 0 || get_attgenerated(shipping.table->relid, var->varattno) != '\0') return false;
  }
  return true;
}

evaluation::Changing Describe(const Shipping &shipping) {
  const Query *query = shipping.original;
  evaluation::Changing changing;
  changing.change = query->commandType == CMD_INSERT   ? evaluation::Change::Insert
                    : query->commandType == CMD_DELETE ? evaluation::Change::Delete
                                                       : evaluation::Change::Update;
  changing.on_conflict = query->onConflict != nullptr;
  if (changing.change == evaluation::Change::Delete) return changing;
  const int16 event = changing.change == evaluation::Change::Insert ? TRIGGER_TYPE_INSERT : TRIGGER_TYPE_UPDATE;
  changing.row_triggers = MayChangeNewRows(shipping.table->relid, event);
  changing.volatile_values =
      changing.change == evaluation::Change::Update && contain_volatile_functions(pg::AsNode(query->targetList));
  return changing;
}

bool IsForeseen(const Shipping &shipping, const evaluation::Returned &returned) {
  return evaluation::Foresee(Describe(shipping), returned) == evaluation::Foreseen::Yes;
}

Node *ColumnOfInserted(Node *node, void *data) {
  const auto *insert = static_cast<Query *>(data);
  if (!IsA(node, Var) || static_cast<int>(reinterpret_cast<Var *>(node)->varno) != insert->resultRelation) return nullptr;
  const auto *var = reinterpret_cast<const Var *>(node);
  ListCell *cell;
  foreach (cell, insert->targetList) {
    if (lfirst_node(TargetEntry, cell)->resno == var->varattno)
      return pg::AsNode(ColumnLike(node, 1, foreach_current_index(cell) + 1));
  }
  return pg::AsNode(makeNullConst(var->vartype, var->vartypmod, var->varcollid));
}

/// SELECT its columns FROM the rows: each is computed once.
Query *Around(Query *rows) {
  Query *around = SelectFrom(SubqueryEntry(rows, "altius_values"));
  around->cteList = rows->cteList;
  around->hasRecursive = rows->hasRecursive;
  around->hasModifyingCTE = rows->hasModifyingCTE;
  rows->cteList = NIL;
  PrintAll(rows);
  rows->hasRecursive = rows->hasModifyingCTE = false;
  RaiseCtesOf(rows);
  ListCell *cell;
  foreach (cell, rows->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    auto *column = reinterpret_cast<Expr *>(ColumnLike(pg::AsNode(target->expr), 1, target->resno));
    around->targetList = lappend(around->targetList, makeTargetEntry(column, target->resno, pstrdup(target->resname), false));
  }
  return around;
}

}  // namespace

bool ReadsElsewhere(Node *expr) {
  int depth = 0;
  return ElsewhereWalker(expr, &depth);
}

/// What the subquery gives for the row as RETURNING knows it; null: the shard computes it, if it can.
Node *ForeseenSubquery(const Shipping &shipping, Node *node) {
  if (!IsA(node, SubLink)) return nullptr;
  evaluation::Returned returned;
  returned.argument = MayBeArgument(node);
  returned.elsewhere = !returned.argument && ReadsElsewhere(node);
  if (!returned.elsewhere) return nullptr;
  returned.sendable = !pg::IsAnonymousRow(exprType(node));
  returned.is_volatile = contain_volatile_functions(node);
  returned.plain_columns = ReadsPlainColumns(shipping, node);
  return IsForeseen(shipping, returned) ? ReplaceInExpr(pg::Copy(node), SubstituteAssigned, shipping.original) : nullptr;
}

bool IsInsertForeseen(const Shipping &shipping) {
  auto *returning = pg::AsNode(shipping.original->returningList);
  evaluation::Returned returned;
  returned.elsewhere = ReadsElsewhere(returning);
  if (!returned.elsewhere) return false;
  returned.plain_columns = ReadsPlainColumns(shipping, returning);
  return IsForeseen(shipping, returned);
}

void ReturnForeseen(Shipping *shipping) {
  Query *query = shipping->original;
  Query *rows = shipping->rows = Around(shipping->rows);
  rows->hasSubLinks = true;
  shipping->ship.returned_column = list_length(rows->targetList);
  ListCell *cell;
  foreach (cell, query->returningList) {
    Node *value = ReplaceInExpr(pg::Copy(pg::AsNode(lfirst_node(TargetEntry, cell)->expr)), ColumnOfInserted, query);
    const int column = list_length(rows->targetList) + 1;
    auto *target = makeTargetEntry(reinterpret_cast<Expr *>(value), column, psprintf("c%d", column), false);
    rows->targetList = lappend(rows->targetList, target);
  }
  shipping->statement->returningList = NIL;
}

}  // namespace altius::planner
