// SPDX-License-Identifier: PostgreSQL
#include "tableoid.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

Const *OidConstant(Oid oid, Oid type) { return makeConst(type, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(oid), false, true); }

Expr *NameOfTable(Var *tableoid) {
  return reinterpret_cast<Expr *>(makeFuncExpr(TableOfFunction(), TEXTOID, list_make1(pg::Copy(tableoid)), InvalidOid,
                                               DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL));
}

/// The table that is changed is known; of a partitioned one, which partitions the shards can be of.
Node *SpellTarget(Oid relid, Var *tableoid, Oid type) {
  if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE) return pg::AsNode(OidConstant(relid, type));
  auto *oid = makeNode(CaseExpr);
  oid->casetype = type;
  oid->location = -1;
  ListCell *cell;
  foreach (cell, find_all_inheritors(relid, NoLock, nullptr)) {
    const Oid partition = lfirst_oid(cell);
    const char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(partition)), get_rel_name(partition));
    Const *text_form = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(name), false, false);
    List *sides = list_make2(NameOfTable(tableoid), text_form);
    auto *when = makeNode(CaseWhen);
    when->expr = reinterpret_cast<Expr *>(
        makeFuncExpr(F_TEXTEQ, BOOLOID, sides, InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL));
    when->result = reinterpret_cast<Expr *>(OidConstant(partition, type));
    when->location = -1;
    oid->args = lappend(oid->args, when);
  }
  oid->defresult = reinterpret_cast<Expr *>(makeNullConst(type, -1, InvalidOid));
  return pg::AsNode(oid);
}

/// tableoid (or its name) of a managed table: the oid, on this node, of the table that the row's shard belongs to.
Node *SpellTableOid(Node *node, void *data) {
  if (IsPlaceCall(node)) return node;  // asks for the shard's
  const bool named = IsA(node, RelabelType) && reinterpret_cast<RelabelType *>(node)->resulttype == REGCLASSOID;
  if (named) node = pg::AsNode(reinterpret_cast<RelabelType *>(node)->arg);
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  auto *query = static_cast<Query *>(data);
  if (var->varattno != TableOidAttributeNumber) return nullptr;
  RangeTblEntry *rte = pg::Rte(query->rtable, var->varno);
  if (rte->rtekind != RTE_RELATION || catalog::FindTable(rte->relid) == nullptr) return nullptr;
  if (static_cast<int>(var->varno) == query->resultRelation) return SpellTarget(rte->relid, var, named ? REGCLASSOID : OIDOID);
  Expr *relation = reinterpret_cast<Expr *>(
      makeFuncExpr(F_REGCLASS, REGCLASSOID, list_make1(NameOfTable(var)), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
  if (named) return pg::AsNode(relation);
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
  if (pg::WalkQuery(query, TableOidWalker, nullptr)) ReplaceInQuery(query, SpellTableOid, query);
}

}  // namespace altius::planner
