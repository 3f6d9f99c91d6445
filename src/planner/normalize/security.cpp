// SPDX-License-Identifier: PostgreSQL
#include "security.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/barriers/barriers.hpp"
#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"
}

namespace altius::planner {

namespace {

/// (SELECT every column FROM table WHERE row security allows): same column numbers as the table's.
Query *SecuredTable(RangeTblEntry *rte) {
  auto *inner = pg::Copy(rte);
  pg::ForgetPermissions(inner);
  inner->securityQuals = NIL;
  inner->lateral = false;
  inner->inFromCl = true;  // even if it was a target
  Query *query = SelectFrom(inner);
  query->jointree->quals = pg::AsNode(make_ands_explicit(pg::Copy(rte->securityQuals)));
  query->hasSubLinks = checkExprHasSubLink(query->jointree->quals);
  Relation relation = table_open(rte->relid, NoLock);
  TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(columns, i);
    Expr *expr = column->attisdropped
                     ? reinterpret_cast<Expr *>(makeNullConst(INT4OID, -1, InvalidOid))
                     : reinterpret_cast<Expr *>(makeVar(1, i + 1, column->atttypid, column->atttypmod,
                                                        column->attcollation, 0));
    query->targetList =
        lappend(query->targetList, makeTargetEntry(expr, i + 1, pstrdup(NameStr(column->attname)), false));
  }
  table_close(relation, NoLock);
  return query;
}

const Var *ColumnOf(Node *node) {
  if (IsPlaceCall(node)) node = static_cast<Node *>(linitial(reinterpret_cast<FuncExpr *>(node)->args));
  return IsA(node, Var) ? reinterpret_cast<Var *>(node) : nullptr;
}

/// The column of the subquery that delivers a system column, or where the row lies, which only its tableoid tells; or the whole row,
/// which is not that of the subquery then.
Node *ReadSystemColumn(Node *node, void *data) {
  auto *columns = static_cast<Columns *>(data);
  const Var *var = ColumnOf(node);
  if (var == nullptr || static_cast<int>(var->varno) != columns->rti || var->varattno > 0) return nullptr;
  return pg::AsNode(ColumnLike(node, columns->rti, -columns->Add(node)));  // its number comes when all are known
}

struct Numbering {
  int rti;
  int before;  // columns of the subquery in front of those
};

Node *NumberSystemColumn(Node *node, void *data) {
  const auto *numbering = static_cast<Numbering *>(data);
  if (!IsA(node, Var)) return nullptr;
  const auto *var = reinterpret_cast<Var *>(node);
  if (static_cast<int>(var->varno) != numbering->rti || var->varattno >= 0) return nullptr;
  return pg::AsNode(ColumnLike(node, numbering->rti, numbering->before - var->varattno));
}

bool HasSystemColumn(const Columns &columns) {
  ListCell *cell;
  foreach (cell, columns.exprs) {
    if (ColumnOf(static_cast<Node *>(lfirst(cell)))->varattno < 0) return true;
  }
  return false;
}

/// The subquery that stands for the table has no system columns of its own.
void DeliverSystemColumns(Query *query, int rti) {
  Columns columns = {rti, NIL};
  AddUsedVars(query, bms_make_singleton(rti), &columns);
  if (!HasSystemColumn(columns)) return;
  columns.exprs = NIL;
  ReplaceInQuery(query, ReadSystemColumn, &columns);
  const RangeTblEntry *rte = pg::Rte(query->rtable, rti);
  List **targets = &rte->subquery->targetList;
  Numbering numbering = {rti, list_length(*targets)};
  ListCell *cell;
  foreach (cell, columns.exprs) {
    auto *expr = pg::Copy(static_cast<Node *>(lfirst(cell)));
    ChangeVarNodes(expr, rti, 1, 0);
    const int number = list_length(*targets) + 1;
    char *name = psprintf("altius_system_%d", number);
    *targets = lappend(*targets, makeTargetEntry(reinterpret_cast<Expr *>(expr), number, name, false));
    rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(name)));
  }
  ReplaceInQuery(query, NumberSystemColumn, &numbering);
}

bool ComesThroughView(const Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    if (static_cast<RangeTblEntry *>(lfirst(cell))->relkind == RELKIND_VIEW) return true;
  }
  return false;
}

bool HasRowSecurity(Oid relid) {
  Relation relation = table_open(relid, NoLock);
  const bool result = relation->rd_rel->relrowsecurity;
  table_close(relation, NoLock);
  return result;
}

core::barriers::Target Describe(const Query *query, const RangeTblEntry *target) {
  core::barriers::Target described;
  described.changed = query->commandType != CMD_INSERT;
  described.guarded = target->securityQuals != NIL;
  described.distributed = target->rtekind == RTE_RELATION && catalog::FindTable(target->relid) != nullptr;
  described.row_security = described.distributed && HasRowSecurity(target->relid);
  described.through_view = ComesThroughView(query);
  return described;
}

/// The condition, asked only for rows that barriers let pass.
Node *BehindBarrier(Node *condition, List *barriers) {
  auto *when = makeNode(CaseWhen);
  when->expr = make_ands_explicit(pg::Copy(barriers));
  when->result = reinterpret_cast<Expr *>(condition);
  when->location = -1;
  auto *result = makeNode(CaseExpr);
  result->casetype = BOOLOID;
  result->args = list_make1(when);
  result->defresult = reinterpret_cast<Expr *>(makeBoolConst(false, false));
  result->location = -1;
  return pg::AsNode(result);
}

/// The conditions (ANDed), those that could tell of hidden rows behind the barriers.
List *BehindBarriers(Node *conditions, List *barriers) {
  List *result = NIL;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(conditions))) {
    auto *condition = static_cast<Node *>(lfirst(cell));
    const bool behind = core::barriers::GoesBehind({contain_leaked_vars(condition)});
    result = lappend(result, behind ? BehindBarrier(condition, barriers) : condition);
  }
  return result;
}

}  // namespace

void SpellBarriers(Query *query) {
  if (query->resultRelation == 0) return;
  RangeTblEntry *target = pg::Rte(query->rtable, query->resultRelation);
  if (target->securityQuals == NIL || core::barriers::WhereHeld(Describe(query, target)) != core::barriers::Holds::InStatement) return;
  List *barriers = NIL;
  ListCell *cell;
  foreach (cell, target->securityQuals) {
    barriers = list_concat(barriers, make_ands_implicit(static_cast<Expr *>(lfirst(cell))));
  }
  target->securityQuals = NIL;
  List *conditions = list_concat_copy(barriers, BehindBarriers(query->jointree->quals, barriers));
  query->jointree->quals = pg::AsNode(make_ands_explicit(conditions));
  query->hasSubLinks = query->hasSubLinks || checkExprHasSubLink(query->jointree->quals);
  if (query->commandType != CMD_MERGE || pg::MergeCondition(query) == &query->jointree->quals) return;
  List *matching = BehindBarriers(*pg::MergeCondition(query), barriers);
  *pg::MergeCondition(query) = pg::AsNode(make_ands_explicit(matching));
}

void WrapSecuredTables(Query *query) {
  for (int index = 1; index <= list_length(query->rtable); index++) {
    RangeTblEntry *rte = pg::Rte(query->rtable, index);
    if (index == query->resultRelation || rte->rtekind != RTE_RELATION || rte->securityQuals == NIL) continue;
    if (catalog::FindTable(rte->relid) == nullptr) continue;
    // The conditions' columns are numbered for the outer range table.
    ChangeVarNodes(pg::AsNode(rte->securityQuals), index, 1, 0);
    Query *secured = SecuredTable(rte);
    pg::ForgetPermissions(rte);
    rte->rtekind = RTE_SUBQUERY;
    rte->relid = InvalidOid;
    rte->subquery = secured;
    rte->security_barrier = true;
    rte->securityQuals = NIL;
    rte->inh = false;
    DeliverSystemColumns(query, index);
  }
}

namespace {

bool WrapWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, WrapWalker, context);
  WrapSecuredTargets(reinterpret_cast<Query *>(node));
  return false;
}

}  // namespace

void WrapSecuredTargets(Query *query) {
  WrapSecuredTables(query);
  pg::WalkQuery(query, WrapWalker, nullptr);
}

}  // namespace altius::planner
