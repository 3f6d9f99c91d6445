// SPDX-License-Identifier: PostgreSQL
#include "place_calls.hpp"

#include <optional>

#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/name.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::planner {

namespace {

/// The extension may have been dropped, and made anew.
bool IsStillThere(Oid function) { return OidIsValid(function) && SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function)); }

}  // namespace

Oid InternalFunction(const char *name, Oid type, Oid *cached) {
  if (IsStillThere(*cached)) return *cached;
  List *qualified = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup(name)));
  Oid types[1] = {type}, result, variadic_type, *declared;
  bool returns_set;
  int variadic;
  List *defaults;
  const FuncDetailCode code = func_get_detail(qualified, NIL, NIL, 1, types, true, false, false, cached, &result,
                                              &returns_set, &variadic, &variadic_type, &declared, &defaults);
  if (code != FUNCDETAIL_NORMAL) elog(ERROR, "function altius_internal.%s is missing", name);
  return *cached;
}

Oid ShardOfFunction() {
  static Oid cached = InvalidOid;
  return InternalFunction("shard_of", OIDOID, &cached);
}

Oid TableOfFunction() {
  static Oid cached = InvalidOid;
  return InternalFunction("table_of", OIDOID, &cached);
}

bool IsPlaceCall(Node *expr) {
  if (!IsA(expr, FuncExpr)) return false;
  const Oid called = reinterpret_cast<FuncExpr *>(expr)->funcid;
  return called >= FirstNormalObjectId && (called == ShardOfFunction() || called == TableOfFunction());
}

Oid LatestFunction() {
  constexpr Oid kTypes[] = {INT8OID, TIDOID};
  static Oid cached = InvalidOid;
  if (IsStillThere(cached)) return cached;
  List *qualified = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("latest_ctid")));
  return cached = LookupFuncName(qualified, lengthof(kTypes), kTypes, false);
}

Oid UpdateRowFunction() {
  constexpr Oid kTypes[] = {OIDOID, INT8OID, TIDOID, ANYELEMENTOID, ANYELEMENTOID};
  static Oid cached = InvalidOid;
  if (IsStillThere(cached)) return cached;
  List *qualified = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("update_row")));
  return cached = LookupFuncName(qualified, lengthof(kTypes), kTypes, false);
}

bool IsLatestCall(const Node *expr) {
  if (!IsA(expr, FuncExpr)) return false;
  const Oid called = reinterpret_cast<const FuncExpr *>(expr)->funcid;
  return called >= FirstNormalObjectId && called == LatestFunction();
}

}  // namespace altius::planner

ALTIUS_FUNCTION(altius_table_of) {
  const Oid relid = PG_GETARG_OID(0);
  char *name = get_rel_name(relid);
  if (name == nullptr) PG_RETURN_NULL();
  const auto id = altius::core::ShardIdOfName(name);
  int index;
  const altius::catalog::Table *table =
      id.has_value() ? altius::catalog::FindTableOfShard(*id, &index) : nullptr;
  const char *schema = table != nullptr ? table->schema : get_namespace_name(get_rel_namespace(relid));
  PG_RETURN_TEXT_P(cstring_to_text(quote_qualified_identifier(schema, table != nullptr ? table->name : name)));
}

ALTIUS_FUNCTION(altius_shard_of) {
  const char *name = get_rel_name(PG_GETARG_OID(0));
  const auto id = name == nullptr ? std::nullopt : altius::core::ShardIdOfName(name);
  if (!id.has_value()) PG_RETURN_NULL();
  PG_RETURN_INT64(*id);
}
