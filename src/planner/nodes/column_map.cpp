// SPDX-License-Identifier: PostgreSQL
#include "column_map.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "place_calls.hpp"
#include "records.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::planner {

namespace {

struct Replacement {
  Substitute substitute;
  void *context;
  int depth;  // queries between the expression and the level
};

/// The column that the node is, or that it asks for the place of; null: it is something else.
Var *ColumnIn(Node *node) {
  if (IsPlaceCall(node)) node = static_cast<Node *>(linitial(reinterpret_cast<FuncExpr *>(node)->args));
  return IsA(node, Var) ? reinterpret_cast<Var *>(node) : nullptr;
}

bool IsOfLevel(Node *node, int depth) {
  const Var *column = ColumnIn(node);
  return column != nullptr && static_cast<int>(column->varlevelsup) == depth;
}

Node *Lowered(Node *node) {
  Node *lowered = pg::Copy(node);
  ColumnIn(lowered)->varlevelsup = 0;
  return lowered;
}

/// Columns of the level seen from a query below it.
Node *ReplaceBelow(Node *node, Replacement *replacement) {
  if (!IsOfLevel(node, replacement->depth)) return nullptr;
  Node *result = replacement->substitute(Lowered(node), replacement->context);
  if (result == nullptr) return nullptr;
  result = pg::Copy(result);
  IncrementVarSublevelsUp(result, replacement->depth, 0);
  return result;
}

Node *ReplaceMutator(Node *node, void *data) {
  if (node == nullptr) return nullptr;
  auto *replacement = static_cast<Replacement *>(data);
  if (IsA(node, Query)) {
    replacement->depth++;
    Query *result = pg::MutateQuery(reinterpret_cast<Query *>(node), ReplaceMutator, data);
    replacement->depth--;
    return pg::AsNode(result);
  }
  const bool outer = ColumnIn(node) != nullptr && !IsOfLevel(node, replacement->depth);
  if (!outer && !IsA(node, List) && !IsA(node, TargetEntry) && !IsA(node, RangeTblRef)) {
    Node *result = replacement->depth == 0 ? replacement->substitute(node, replacement->context)
                                           : ReplaceBelow(node, replacement);
    if (result != nullptr) return result;
  }
  return pg::Mutate(node, ReplaceMutator, data);
}

struct VarUse {
  Bitmapset *rels;  // null: any
  Columns *columns;
  int depth;
};

bool UsedVarWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *use = static_cast<VarUse *>(data);
  // Where a row lies is known only there, so the call of it is a column.
  if (const Var *column = ColumnIn(node); column != nullptr) {
    const bool used = IsOfLevel(node, use->depth) && (use->rels == nullptr || bms_is_member(column->varno, use->rels));
    if (used) use->columns->Add(Lowered(node));
    return false;
  }
  if (pg::IsMergeAction(node)) {
    if (use->rels == nullptr) use->columns->Add(pg::Copy(node));
    return false;
  }
  if (IsA(node, Query)) {
    use->depth++;
    pg::WalkQuery(reinterpret_cast<Query *>(node), UsedVarWalker, data, QTW_IGNORE_JOINALIASES);
    use->depth--;
    return false;
  }
  return pg::Walk(node, UsedVarWalker, data);
}

struct WholeRows {
  Query *query;
  Bitmapset *rels;
  bool readable_too;
};

Node *SpellWholeRow(Node *node, void *data) {
  auto *rows = static_cast<WholeRows *>(data);
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (var->varattno != InvalidAttrNumber || !bms_is_member(var->varno, rows->rels)) return nullptr;
  // One that has a type, or fields that are known, can be delivered as it is: null where an outer join found no row.
  if (var->vartype != RECORDOID) return nullptr;
  if (!rows->readable_too && ResultTypmod(node, rows->query, nullptr) >= 0) return nullptr;
  auto *row = makeNode(RowExpr);
  row->row_typeid = var->vartype;
  row->row_format = COERCE_IMPLICIT_CAST;
  row->location = -1;
  RangeTblEntry *rte = pg::Rte(rows->query->rtable, var->varno);
  const bool relation = rte->rtekind == RTE_RELATION;
  expandRTE(rte, var->varno, 0, -1, relation, &row->colnames, &row->args);
  return rows->readable_too ? RowIfFound(pg::AsNode(row), var) : pg::AsNode(row);
}

}  // namespace

Node *Comparable(Node *expr) {
  if (!IsA(expr, Var)) return expr;
  auto *var = reinterpret_cast<Var *>(expr);
  return pg::AsNode(
      makeVar(var->varno, var->varattno, var->vartype, var->vartypmod, var->varcollid, var->varlevelsup));
}

int Columns::Find(Node *expr) const {
  expr = Comparable(expr);
  ListCell *cell;
  foreach (cell, exprs) {
    if (equal(lfirst(cell), expr)) return foreach_current_index(cell) + 1;
  }
  return 0;
}

int Columns::Add(Node *expr) {
  const int found = Find(expr);
  if (found > 0) return found;
  exprs = lappend(exprs, Comparable(expr));
  return list_length(exprs);
}

Node *ReplaceInExpr(Node *expr, Substitute substitute, void *context) {
  Replacement replacement = {substitute, context, 0};
  return ReplaceMutator(expr, &replacement);
}

void ReplaceInQuery(Query *query, Substitute substitute, void *context) {
  Replacement replacement = {substitute, context, 0};
  *query = *pg::MutateQuery(query, ReplaceMutator, &replacement);
}

void AddUsedVars(Query *query, Bitmapset *rels, Columns *columns) {
  VarUse use = {rels, columns, 0};
  pg::WalkQuery(query, UsedVarWalker, &use, QTW_IGNORE_JOINALIASES);
}

void AddVarsOfExpr(Node *expr, Columns *columns) {
  VarUse use = {nullptr, columns, 0};
  UsedVarWalker(expr, &use);
}

void ExpandUnreadableRows(Query *query, Bitmapset *rels) {
  WholeRows rows = {query, rels, false};
  ReplaceInQuery(query, SpellWholeRow, &rows);
}

void ExpandWholeRows(Query *query, Bitmapset *rels) {
  WholeRows rows = {query, rels, true};
  ReplaceInQuery(query, SpellWholeRow, &rows);
}

Node *SpelledRow(RangeTblEntry *rte, Var *whole) {
  auto *row = makeNode(RowExpr);
  row->row_typeid = get_rel_type_id(rte->relid);
  row->row_format = COERCE_EXPLICIT_CAST;
  row->location = -1;
  Relation relation = table_open(rte->relid, NoLock);
  TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(columns, i);
    row->colnames = lappend(row->colnames, makeString(pstrdup(NameStr(column->attname))));
    Expr *value = column->attisdropped
                      ? reinterpret_cast<Expr *>(makeNullConst(INT4OID, -1, InvalidOid))
                      : reinterpret_cast<Expr *>(makeVar(whole->varno, i + 1, column->atttypid, column->atttypmod,
                                                         column->attcollation, whole->varlevelsup));
    row->args = lappend(row->args, value);
  }
  table_close(relation, NoLock);
  return pg::AsNode(row);
}

Node *RowIfFound(Node *row, Var *whole) {
  auto *test = makeNode(NullTest);
  test->arg = reinterpret_cast<Expr *>(pg::Copy(whole));
  test->nulltesttype = IS_NOT_NULL;
  test->argisrow = false;  // printed as IS DISTINCT FROM NULL
  test->location = -1;
  auto *when = makeNode(CaseWhen);
  when->expr = reinterpret_cast<Expr *>(test);
  when->result = reinterpret_cast<Expr *>(row);
  when->location = -1;
  auto *result = makeNode(CaseExpr);
  result->casetype = exprType(row);
  result->args = list_make1(when);
  result->defresult = reinterpret_cast<Expr *>(makeNullConst(exprType(row), -1, InvalidOid));
  result->location = -1;
  return pg::AsNode(result);
}

Var *ColumnLike(Node *expr, int rti, int column) {
  return makeVar(rti, column, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
}

void BlankEntry(RangeTblEntry *rte) {
  pg::ForgetPermissions(rte);
  rte->rtekind = RTE_RESULT;
  rte->relid = InvalidOid;
  rte->relkind = 0;
  rte->rellockmode = 0;
  rte->tablesample = nullptr;
  rte->subquery = nullptr;
  rte->security_barrier = false;
  rte->jointype = JOIN_INNER;
  rte->joinaliasvars = rte->joinleftcols = rte->joinrightcols = NIL;
  rte->functions = NIL;
  rte->values_lists = NIL;
  rte->tablefunc = nullptr;
  rte->ctename = nullptr;
  rte->ctelevelsup = 0;
  rte->coltypes = rte->coltypmods = rte->colcollations = NIL;
  rte->securityQuals = NIL;
  rte->lateral = false;
  rte->inh = false;
}

}  // namespace altius::planner
