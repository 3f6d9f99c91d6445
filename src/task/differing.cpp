// SPDX-License-Identifier: PostgreSQL
#include "altius/task/differing.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "numbers.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::task {

namespace {

/// Types whose text is the same whatever the settings of a session are.
constexpr Oid kPlainText[] = {BOOLOID,    INT2OID, INT4OID, INT8OID, NUMERICOID, OIDOID,  CHAROID,
                              NAMEOID,    TEXTOID, VARCHAROID, BPCHAROID, UUIDOID, UNKNOWNOID};

bool HasPlainText(Oid type) {
  for (const Oid plain : kPlainText) {
    if (type == plain) return true;
  }
  return false;
}

/// What users declare immutable may not be; quote_ident() is not.
bool IsDiffering(Oid function, void*) {
  return function >= FirstNormalObjectId || func_volatile(function) != PROVOLATILE_IMMUTABLE || function == F_QUOTE_IDENT;
}

bool Walker(Node* node, void* data) {
  if (node == nullptr) return false;
  const auto* before = static_cast<const ComputedBefore*>(data);
  if (before->is != nullptr && before->is(node, before->context)) return false;
  switch (nodeTag(node)) {
    case T_Query:
    case T_SubLink:
    case T_XmlExpr:
    case T_SQLValueFunction:
    case T_NextValueExpr:
      return true;
    case T_Var:
      return reinterpret_cast<Var*>(node)->varattno < 0;
    case T_CoerceViaIO: {
      auto* cast = reinterpret_cast<CoerceViaIO*>(node);
      if (!HasPlainText(exprType(pg::AsNode(cast->arg))) || !HasPlainText(cast->resulttype)) return true;
      break;
    }
    default:
      if (ShowsNumber(node)) return true;
      break;
  }
  return check_functions_in_node(node, IsDiffering, nullptr) || pg::Walk(node, Walker, data);
}

}  // namespace

bool MayDiffer(Node* expr, const ComputedBefore& before) { return Walker(expr, const_cast<ComputedBefore*>(&before)); }

bool GeneratesDiffering(Relation relation) {
  const TupleDesc columns = RelationGetDescr(relation);
  if (columns->constr == nullptr || !columns->constr->has_generated_stored) return false;
  for (int i = 0; i < columns->natts; i++) {
    const bool generated = TupleDescAttr(columns, i)->attgenerated != '\0';
    if (generated && MayDiffer(build_column_default(relation, i + 1), {nullptr, nullptr})) return true;
  }
  return false;
}

}  // namespace altius::task
