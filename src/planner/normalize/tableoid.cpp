// SPDX-License-Identifier: PostgreSQL
#include "tableoid.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/fragment/place_calls.hpp"
#include "planner/select/column_map.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
}

namespace altius::planner {

namespace {

/// tableoid of a managed table: the oid, on this node, of the table that the row's shard belongs to.
Node *SpellTableOid(Node *node, void *data) {
  if (IsPlaceCall(node)) return node;  // asks for the shard's
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  auto *query = static_cast<Query *>(data);
  if (var->varattno != TableOidAttributeNumber) return nullptr;
  RangeTblEntry *rte = pg::Rte(query->rtable, var->varno);
  if (rte->rtekind != RTE_RELATION || catalog::FindTable(rte->relid) == nullptr) return nullptr;
  Expr *name = reinterpret_cast<Expr *>(makeFuncExpr(TableOfFunction(), TEXTOID, list_make1(pg::Copy(var)), InvalidOid,
                                                     DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL));
  Expr *relation = reinterpret_cast<Expr *>(
      makeFuncExpr(F_REGCLASS, REGCLASSOID, list_make1(name), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
  return pg::AsNode(makeRelabelType(relation, OIDOID, -1, InvalidOid, COERCE_EXPLICIT_CAST));
}

bool TableOidWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Var)) return reinterpret_cast<Var *>(node)->varattno == TableOidAttributeNumber;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), TableOidWalker, context);
  return pg::Walk(node, TableOidWalker, context);
}

}  // namespace

void SpellTableOids(Query *query) {
  if (!pg::WalkQuery(query, TableOidWalker, nullptr)) return;
  // These are about the changed row, where it lies.
  List *returning = std::exchange(query->returningList, NIL);
  List *actions = std::exchange(query->mergeActionList, NIL);
  OnConflictExpr *conflict = std::exchange(query->onConflict, nullptr);
  ReplaceInQuery(query, SpellTableOid, query);
  query->returningList = returning;
  query->mergeActionList = actions;
  query->onConflict = conflict;
}

}  // namespace altius::planner
