// SPDX-License-Identifier: PostgreSQL
// WITH CHECK of row security, for rows that move to another shard.  There one statement deletes them and another one inserts them, which a
// node would take for what they are: but the policies are those for UPDATE.  So the asking node, which knows the new row, asks them:
//   CASE WHEN condition on the new row THEN value ELSE altius_internal.refuse_policy_row('table', 'policy') END
// The function is volatile, which keeps all of it there.
#include "policy_checks.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"

extern "C" {
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
}

namespace altius::planner {

namespace {

Const* Text(const char* value) {
  if (value == nullptr) return makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID);
  return makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(value), false, false);
}

Expr* RefuseRow(const WithCheckOption* option) {
  const Oid types[] = {TEXTOID, TEXTOID};
  List* name = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("refuse_policy_row")));
  List* arguments = list_make2(Text(option->relname), Text(option->polname));
  return reinterpret_cast<Expr*>(
      makeFuncExpr(LookupFuncName(name, 2, types, false), BOOLOID, arguments, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

}  // namespace

Node* CheckedByPolicy(const WithCheckOption* option, Node* condition, Node* value) {
  auto* when = makeNode(CaseWhen);
  when->expr = reinterpret_cast<Expr*>(condition);
  when->result = reinterpret_cast<Expr*>(value);
  when->location = -1;
  auto* checked = makeNode(CaseExpr);
  checked->casetype = BOOLOID;
  checked->args = list_make1(when);
  checked->defresult = RefuseRow(option);
  checked->location = -1;
  return pg::AsNode(checked);
}

}  // namespace altius::planner

/// refuse_policy_row(relation text, policy text)
ALTIUS_FUNCTION(altius_refuse_policy_row) {
  const char* table = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
  if (PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("new row violates row-level security policy for table \"%s\"", table)));
  }
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("new row violates row-level security policy \"%s\" for table \"%s\"",
                                                                   text_to_cstring(PG_GETARG_TEXT_PP(1)), table)));
  PG_RETURN_NULL();
}
