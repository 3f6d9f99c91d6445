// SPDX-License-Identifier: PostgreSQL
// get_shard_id_for_distribution_column: which shard holds a value.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::cluster {
namespace {

/// The argument as a value of the distribution column's type, by way of its text form where the
/// types differ.
Datum ValueOfKeyType(FunctionCallInfo fcinfo, const catalog::Table& table) {
  const Oid given = get_fn_expr_argtype(fcinfo->flinfo, 1);
  const Datum value = PG_GETARG_DATUM(1);
  if (getBaseType(given) == table.key_type) return value;
  Oid function;
  bool is_varlena;
  char* text_form;
  if (given == UNKNOWNOID) {
    text_form = DatumGetCString(value);
  } else {
    getTypeOutputInfo(given, &function, &is_varlena);
    text_form = OidOutputFunctionCall(function, value);
  }
  Oid io_param;
  getTypeInputInfo(table.key_type, &function, &io_param);
  return OidInputFunctionCall(function, text_form, io_param, -1);
}

}  // namespace
}  // namespace altius::cluster

ALTIUS_FUNCTION(get_shard_id_for_distribution_column) {
  using namespace altius;  // NOLINT
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation cannot be NULL")));
  }
  const Oid relid = PG_GETARG_OID(0);
  const catalog::Table* table = catalog::FindTable(relid);
  if (table == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("relation \"%s\" is not a distributed table", get_rel_name(relid))));
  }
  if (table->shard_count == 0) PG_RETURN_INT64(0);
  if (table->kind != catalog::TableKind::Hash) PG_RETURN_INT64(table->shards[0].id);
  if (PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("distribution value cannot be NULL for a table that is cut by hash")));
  }
  const Datum value = cluster::ValueOfKeyType(fcinfo, *table);
  PG_RETURN_INT64(table->shards[catalog::ShardIndexOfValue(*table, value)].id);
}
