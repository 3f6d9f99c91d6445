// SPDX-License-Identifier: PostgreSQL
// The SQL functions of this folder that users call.
#include "altius/ddl/tables.hpp"
#include "altius/pg/bridge.hpp"
#include "checks.hpp"
#include "rows.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

using namespace altius;

/// create_distributed_table(table_name, distribution_column, distribution_type, colocate_with,
/// shard_count)
ALTIUS_FUNCTION(create_distributed_table) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("only distribution_column and shard_count may be null")));
  const char* type = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(2)));
  if (strcmp(type, "hash") != 0)
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("distribution type \"%s\" is not supported", type), errhint("Use \"hash\".")));
  ddl::DistributeOptions options = {};
  options.key = PG_ARGISNULL(1) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(1));
  options.colocate_with = text_to_cstring(PG_GETARG_TEXT_PP(3));
  if (!PG_ARGISNULL(4)) {
    options.shard_count = PG_GETARG_INT32(4);
    if (options.shard_count < 1 || options.shard_count > 64000)
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("shard_count must be between 1 and 64000")));
  }
  ddl::Distribute(PG_GETARG_OID(0), options);
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(create_reference_table) {
  ddl::DistributeOptions options = {};
  options.reference = true;
  options.colocate_with = "default";
  ddl::Distribute(PG_GETARG_OID(0), options);
  PG_RETURN_VOID();
}

/// alter_distributed_table(table_name, distribution_column, shard_count, colocate_with,
/// cascade_to_colocated)
ALTIUS_FUNCTION(alter_distributed_table) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  if (!PG_ARGISNULL(4) && PG_GETARG_BOOL(4)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cascade_to_colocated is not supported yet"),
                    errhint("Change the colocated tables one by one.")));
  }
  if (PG_ARGISNULL(1) && PG_ARGISNULL(2) && PG_ARGISNULL(3)) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("say what to change: distribution_column, shard_count or colocate_with")));
  }
  ddl::DistributeOptions options = {};
  if (!PG_ARGISNULL(1)) options.key = text_to_cstring(PG_GETARG_TEXT_PP(1));
  if (!PG_ARGISNULL(2)) options.shard_count = PG_GETARG_INT32(2);
  if (!PG_ARGISNULL(3)) options.colocate_with = text_to_cstring(PG_GETARG_TEXT_PP(3));
  ddl::AlterDistributed(PG_GETARG_OID(0), options);
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(undistribute_table) {
  const Oid relid = PG_GETARG_OID(0);
  if (PG_GETARG_BOOL(1))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cascade_via_foreign_keys is not supported yet"),
                    errhint("Undistribute the referencing tables one by one first.")));
  ddl::Undistribute(relid);
  PG_RETURN_VOID();
}

/// create_distributed_table empties the local storage itself; this is for tables where that could
/// not be done.
ALTIUS_FUNCTION(truncate_local_data_after_distributing_table) {
  const Oid relid = PG_GETARG_OID(0);
  ddl::RequireCoordinator();
  ddl::RequireOwner(relid);
  if (catalog::FindTable(relid) == nullptr)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("table \"%s\" is not distributed", get_rel_name(relid))));
  LockRelationOid(relid, AccessExclusiveLock);
  if (get_rel_relkind(relid) == RELKIND_RELATION) ddl::EmptyTable(relid);
  PG_RETURN_VOID();
}
