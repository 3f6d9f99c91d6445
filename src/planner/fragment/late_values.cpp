// SPDX-License-Identifier: PostgreSQL
#include "late_values.hpp"

#include "altius/pg/node.hpp"
#include "planner/locus/conditional.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

Node *SelectOf(Node *value, bool is_set) {
  auto *query = makeNode(Query);
  query->commandType = CMD_SELECT;
  query->canSetTag = true;
  query->jointree = makeFromExpr(NIL, nullptr);
  query->hasTargetSRFs = is_set;
  query->targetList = list_make1(makeTargetEntry(reinterpret_cast<Expr *>(value), 1, pstrdup("c"), false));
  auto *link = makeNode(SubLink);
  link->subLinkType = EXPR_SUBLINK;
  link->subselect = pg::AsNode(query);
  link->location = -1;
  return pg::AsNode(link);
}

}  // namespace

SubLink *AsArray(Node *node) {
  if (!MayHaveSeveralRows(node) || !CanBeArray(node)) return nullptr;
  auto *array = pg::Copy(reinterpret_cast<SubLink *>(node));
  array->subLinkType = ARRAY_SUBLINK;
  auto *query = castNode(Query, array->subselect);
  if (query->limitCount == nullptr && query->rowMarks == NIL) {
    query->limitCount = pg::AsNode(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(2), false, FLOAT8PASSBYVAL));
  }
  return array;
}

Node *OnlyElement(Node *array, Node *subquery) {
  const Oid collation = exprCollation(subquery);
  auto *unnest = makeFuncExpr(F_UNNEST_ANYARRAY, exprType(subquery), list_make1(array), collation, collation, COERCE_EXPLICIT_CALL);
  unnest->funcretset = true;
  return SelectOf(pg::AsNode(unnest), true);
}

Node *WhenReached(Node *value) { return SelectOf(value, false); }

}  // namespace altius::planner
