// SPDX-License-Identifier: PostgreSQL
// A statement through a view of another role, or on a table with policies, may be parsed on the nodes with rights that its user
// does not have (altius/task/lent_rights.hpp).  To read a literal of a type that users make can mean to call their code: a domain
// within a row or an array has checks.  So such constants are computed here, and read on the node when the statement runs, as the
// user.
#include "lent_views.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "altius/task/lent_rights.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
}

namespace altius::planner {

namespace {

Node *Computed(Const *constant) {
  const Oid argument_types[] = {ANYELEMENTOID};
  List *name = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("computed")));
  return pg::AsNode(makeFuncExpr(LookupFuncName(name, 1, argument_types, false), constant->consttype,
                                 list_make1(pg::Copy(constant)), constant->constcollid, constant->constcollid,
                                 COERCE_EXPLICIT_CALL));
}

Node *ComputeConstants(Node *node, void *context) {
  if (node == nullptr) return nullptr;
  if (IsA(node, Query)) return pg::AsNode(pg::MutateQuery(reinterpret_cast<Query *>(node), ComputeConstants, context));
  if (IsA(node, Const)) {
    auto *constant = reinterpret_cast<Const *>(node);
    return constant->constisnull || constant->consttype < FirstNormalObjectId ? pg::Copy(node) : Computed(constant);
  }
  return pg::Mutate(node, ComputeConstants, context);
}

bool LendsRights(const pg::RelationUses &uses) {
  for (int i = 0; i < list_length(uses.entries); i++) {
    const pg::Requirement requirement = pg::RequirementOf(uses, i);
    if (catalog::FindTable(requirement.relid) == nullptr) continue;
    if (OidIsValid(requirement.role) || task::PoliciesReadMore(requirement.relid) || task::FindsRowsUnseen(requirement)) return true;
  }
  return false;
}

}  // namespace

void PrepareForLentRights(Query *query, const pg::RelationUses &uses) {
  if (LendsRights(uses)) *query = *pg::MutateQuery(query, ComputeConstants, nullptr);
}

}  // namespace altius::planner

ALTIUS_FUNCTION(altius_computed) { PG_RETURN_DATUM(PG_GETARG_DATUM(0)); }
