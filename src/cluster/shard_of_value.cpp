// SPDX-License-Identifier: PostgreSQL
// get_shard_id_for_distribution_column: which shard holds a value.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

ALTIUS_FUNCTION(get_shard_id_for_distribution_column) {
  using namespace altius;  // NOLINT
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation cannot be NULL")));
  }
  const Oid relid = PG_GETARG_OID(0);
  const catalog::Table* table = catalog::FindTable(relid);
  if (table == nullptr) {
    pg::RequireRelation(relid);
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("relation \"%s\" is not a distributed table", get_rel_name(relid))));
  }
  if (table->shard_count == 0) PG_RETURN_INT64(0);
  if (table->kind != catalog::TableKind::Hash) PG_RETURN_INT64(table->shards[0].id);
  if (PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("distribution value cannot be NULL for a table that is cut by hash")));
  }
  const Datum value =
      catalog::AsKey(*table, PG_GETARG_DATUM(1), get_fn_expr_argtype(fcinfo->flinfo, 1));
  PG_RETURN_INT64(table->shards[catalog::ShardIndexOfValue(*table, value)].id);
}
