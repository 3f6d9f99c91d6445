// SPDX-License-Identifier: PostgreSQL
#include "ctid_sides.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "planner/locus/equality.hpp"
#include "planner/locus/scope.hpp"
#include "planner/nodes/place_calls.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

using core::ctid::Side;

bool IsSpread(const RangeTblEntry *rte) {
  if (rte->rtekind != RTE_RELATION) return false;
  const catalog::Table *table = catalog::FindTable(rte->relid);
  return table != nullptr && (table->shard_count > 1 || table->kind == catalog::TableKind::Reference);
}

bool IsCtid(Node *node) {
  return IsA(node, Var) && reinterpret_cast<Var *>(node)->varattno == SelfItemPointerAttributeNumber;
}

bool KeepsRows(const Query *query) {
  return query->commandType == CMD_SELECT && !query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL &&
         query->distinctClause == NIL && query->setOperations == nullptr;
}

int ColumnWith(Query *subquery, Node *expr) {
  int column = 0;
  ListCell *cell;
  foreach (cell, subquery->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    column++;
    if (equal(target->expr, expr)) return column;
  }
  column++;
  foreach (cell, subquery->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) target->resno++;
  }
  auto *added = makeTargetEntry(reinterpret_cast<Expr *>(expr), static_cast<AttrNumber>(column), pstrdup("altius_shard"), false);
  subquery->targetList = list_insert_nth(subquery->targetList, column - 1, added);
  return column;
}

namespace {

Node *ShardOf(const Var *ctid) {
  Var *table = makeVar(ctid->varno, TableOidAttributeNumber, OIDOID, -1, InvalidOid, 0);
  return pg::AsNode(makeFuncExpr(ShardOfFunction(), INT8OID, list_make1(table), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

CommonTableExpr *CteOf(List *levels, const RangeTblEntry *rte) {
  auto *query = static_cast<Query *>(list_nth(levels, static_cast<int>(rte->ctelevelsup)));
  ListCell *cell;
  foreach (cell, query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, rte->ctename) == 0) return cte;
  }
  return nullptr;
}

/// Of a column of a subquery or CTE that hands a ctid on; a column with the shard is added to it.
Place PlaceOfColumn(const Var *var, RangeTblEntry *rte, List *levels) {
  CommonTableExpr *cte = rte->rtekind == RTE_CTE ? CteOf(levels, rte) : nullptr;
  Query *inner = rte->rtekind == RTE_SUBQUERY ? rte->subquery : cte != nullptr ? castNode(Query, cte->ctequery) : nullptr;
  if (inner == nullptr || !KeepsRows(inner) || (cte != nullptr && cte->cterecursive)) return {};
  TargetEntry *target = get_tle_by_resno(inner->targetList, var->varattno);
  if (target == nullptr || exprType(pg::AsNode(target->expr)) != TIDOID) return {};
  const int outer = cte != nullptr ? static_cast<int>(rte->ctelevelsup) : 0;
  const Place place = PlaceOf(pg::AsNode(target->expr), lcons(inner, list_copy_tail(levels, outer)));
  if (place.shard == nullptr) return {};
  const int column = ColumnWith(inner, place.shard);
  if (list_length(rte->eref->colnames) < column) rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup("altius_shard")));
  if (cte != nullptr && list_length(cte->ctecolnames) < column) {
    cte->ctecolnames = lappend(cte->ctecolnames, makeString(pstrdup("altius_shard")));
    cte->ctecoltypes = lappend_oid(cte->ctecoltypes, INT8OID);
    cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, -1);
    cte->ctecolcollations = lappend_oid(cte->ctecolcollations, InvalidOid);
  }
  if (cte != nullptr && list_length(rte->coltypes) < column) {
    rte->coltypes = lappend_oid(rte->coltypes, INT8OID);
    rte->coltypmods = lappend_int(rte->coltypmods, -1);
    rte->colcollations = lappend_oid(rte->colcollations, InvalidOid);
  }
  return {place.relid, pg::AsNode(makeVar(var->varno, column, INT8OID, -1, InvalidOid, 0))};
}

}  // namespace

Place PlaceOf(Node *expr, List *levels) {
  if (!IsA(expr, Var) || reinterpret_cast<Var *>(expr)->varlevelsup > 0) return {};
  const auto *var = reinterpret_cast<Var *>(expr);
  RangeTblEntry *rte = pg::Rte(static_cast<Query *>(linitial(levels))->rtable, var->varno);
  if (!IsCtid(expr)) return var->varattno > 0 ? PlaceOfColumn(var, rte, levels) : Place{};
  const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
  // Copies of a reference table's row have ctids of their own.
  if (table == nullptr || table->kind == catalog::TableKind::Reference) return {};
  return {rte->relid, ShardOf(var)};
}

namespace {

/// A value beside the key's of the same row: then there is one shard.
bool IsPinned(Node *quals, Index varno, const catalog::Table &table) {
  if (quals == nullptr) return false;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(quals))) {
    Node *left, *right;
    Meaning meaning;
    if (!EqualitySides(static_cast<Node *>(lfirst(cell)), &left, &right, &meaning)) continue;
    if (meaning != MeaningOfType(table.key_type, table.key_collation)) continue;
    for (Node *side : {left, right}) {
      if (!IsA(side, Var)) continue;
      const auto *var = reinterpret_cast<Var *>(side);
      if (static_cast<Index>(var->varno) != varno || var->varattno != table.key || var->varlevelsup > 0) continue;
      if (IsLevelConstant(side == left ? right : left)) return true;
    }
  }
  return false;
}

bool IsInOneShard(const Var *ctid, const Query *query) {
  const RangeTblEntry *rte = pg::Rte(query->rtable, ctid->varno);
  const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
  return table != nullptr && table->key != 0 && IsPinned(query->jointree->quals, ctid->varno, *table);
}

/// Whether a ctid gets into the expression; of rows of a shard that is named.
struct Carried {
  bool carried;
  bool one_shard;
};

Carried CarriedBy(Node *expr, List *levels);

Carried CarriedByTarget(Query *query, int number, List *levels) {
  const TargetEntry *target = get_tle_by_resno(query->targetList, static_cast<AttrNumber>(number));
  if (target == nullptr) return {};
  return CarriedBy(pg::AsNode(target->expr), lcons(query, list_copy(levels)));
}

/// Arms are subqueries of the range table.
Carried CarriedByArms(const Node *node, Query *query, int number, List *levels) {
  if (IsA(node, RangeTblRef)) {
    Query *arm = pg::Rte(query->rtable, reinterpret_cast<const RangeTblRef *>(node)->rtindex)->subquery;
    bool one_shard = false;
    return {HandsOn(arm, number, lcons(query, list_copy(levels)), &one_shard), false};
  }
  const auto *operation = castNode(SetOperationStmt, node);
  return {CarriedByArms(operation->larg, query, number, levels).carried || CarriedByArms(operation->rarg, query, number, levels).carried,
          false};
}

Carried CarriedByColumn(const Var *var, List *levels) {
  if (static_cast<int>(var->varlevelsup) >= list_length(levels)) return {};
  List *around = list_copy_tail(levels, static_cast<int>(var->varlevelsup));
  auto *query = static_cast<Query *>(linitial(around));
  RangeTblEntry *rte = pg::Rte(query->rtable, static_cast<int>(var->varno));
  if (rte->rtekind == RTE_RELATION) {
    if (!IsSpread(rte) || var->varattno != SelfItemPointerAttributeNumber) return {};
    return {true, var->varlevelsup == 0 && IsInOneShard(var, query)};
  }
  const CommonTableExpr *cte = rte->rtekind == RTE_CTE && !rte->self_reference ? CteOf(around, rte) : nullptr;
  Query *inner = rte->rtekind == RTE_SUBQUERY ? rte->subquery : cte != nullptr ? castNode(Query, cte->ctequery) : nullptr;
  if (inner == nullptr || var->varattno <= 0) return {};
  if (cte != nullptr) around = list_copy_tail(around, static_cast<int>(rte->ctelevelsup));
  bool one_shard = false;
  const bool carried = HandsOn(inner, var->varattno, around, &one_shard);
  return {carried, one_shard && var->varlevelsup == 0};
}

Carried CarriedBy(Node *expr, List *levels) {
  if (exprType(expr) != TIDOID) return {};
  if (IsA(expr, Var)) return CarriedByColumn(reinterpret_cast<Var *>(expr), levels);
  if (!IsA(expr, SubLink) || reinterpret_cast<SubLink *>(expr)->subLinkType != EXPR_SUBLINK) return {};
  bool one_shard = false;
  return {HandsOn(reinterpret_cast<Query *>(reinterpret_cast<SubLink *>(expr)->subselect), 1, levels, &one_shard), false};
}

}  // namespace

bool HandsOn(Query *query, int number, List *levels, bool *one_shard) {
  check_stack_depth();
  const bool arms = query->setOperations != nullptr;
  if (query->commandType != CMD_SELECT) return false;
  const Carried carried = arms ? CarriedByArms(query->setOperations, query, number, levels) : CarriedByTarget(query, number, levels);
  *one_shard = carried.one_shard;
  return carried.carried;
}

Side SideOf(Node *expr, List *levels) {
  Side side;
  const Carried carried = CarriedBy(expr, levels);
  if (carried.carried) {
    side.kind = Side::Kind::Spread;
    side.one_shard = carried.one_shard;
  } else if (IsCtid(expr)) {
    side.kind = Side::Kind::Local;
  } else {
    side.constant = IsLevelConstant(expr) && !checkExprHasSubLink(expr);
  }
  return side;
}

}  // namespace altius::planner
