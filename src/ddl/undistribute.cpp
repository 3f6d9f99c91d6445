// SPDX-License-Identifier: PostgreSQL
// undistribute_table: the shell table on the coordinator keeps its oid and becomes an ordinary
// table, so views, grants and foreign keys that lead to it stay.  Its rows are set aside in a
// temporary table while shards and metadata are removed.
#include "altius/catalog/writer.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/txn/coordinated.hpp"
#include "checks.hpp"
#include "drop.hpp"
#include "rows.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

void CheckUndistributable(Oid relid) {
  if (catalog::FindTable(relid) == nullptr)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("table \"%s\" is not distributed", get_rel_name(relid))));
  if (get_rel_relispartition(relid))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot undistribute partition \"%s\" by itself", get_rel_name(relid)),
                    errhint("Undistribute the partitioned table.")));
  const char* key = QueryText(R"(
SELECT format('%s on %s', conname, conrelid::pg_catalog.regclass)
FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_dist_partition ON logicalrelid = conrelid
WHERE contype = 'f' AND conparentid = 0 AND confrelid = $1 AND conrelid <> $1 LIMIT 1)",
                              {OidValue(relid)});
  if (key != nullptr)
    ereport(ERROR,
            (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
             errmsg("cannot undistribute \"%s\", a foreign key of a distributed table leads to it",
                    get_rel_name(relid)),
             errdetail("Foreign key %s.", key),
             errhint("Drop the foreign key or undistribute that table first.")));
}

char* StoredColumns(Oid relid) {
  return QueryText(R"(
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_catalog.pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '')",
                   {OidValue(relid)});
}

/// The other nodes lose the table, and with it, by CASCADE, all that depends on it: sequences, views and views on them, functions
/// that take its rows.
void ForgetElsewhere(Oid relid) {
  List* rows = QueryRows(R"(
WITH RECURSIVE gone(classid, objid) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, $1
  UNION
  SELECT n.classid, n.objid FROM gone g JOIN pg_catalog.pg_depend d ON d.refclassid = g.classid AND d.refobjid = g.objid
  LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
  CROSS JOIN LATERAL (VALUES (d.classid, d.objid), ('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class)) n(classid, objid)
  WHERE n.objid IS NOT NULL)
SELECT o.classid, o.objid FROM pg_catalog.pg_dist_object o JOIN gone USING (classid, objid))",
                         {OidValue(relid)});
  ListCell* cell;
  foreach (cell, rows) {
    char** row = static_cast<char**>(lfirst(cell));
    catalog::DeleteObject(static_cast<Oid>(strtoul(row[0], nullptr, 10)),
                          static_cast<Oid>(strtoul(row[1], nullptr, 10)));
  }
}

void PutBack(const char* table, const char* columns, const char* aside) {
  const int level = NewGUCNestLevel();
  (void)set_config_option("session_replication_role", "replica", PGC_SUSET, PGC_S_SESSION,
                          GUC_ACTION_SAVE, true, 0, false);
  if (columns != nullptr)
    RunQuery(psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s", table,
                      columns, columns, aside));
  AtEOXact_GUC(true, level);
}

}  // namespace

void Undistribute(Oid relid) {
  RequireCoordinator();
  RequireOwner(relid);  // who may not do it must not wait, with others behind it
  LockRelationOid(relid, AccessExclusiveLock);
  RequireOwner(relid);
  CheckUndistributable(relid);
  const char* table = QualifiedName(relid);
  const char* columns = StoredColumns(relid);
  const bool forced = UnforceRowSecurity(relid);
  const char* aside = psprintf("pg_temp.altius_aside_%u", relid);
  RunQuery(psprintf("CREATE TEMPORARY TABLE altius_aside_%u AS SELECT %s FROM %s", relid,
                    columns == nullptr ? "" : columns, table));
  List* members = find_all_inheritors(relid, AccessExclusiveLock, nullptr);
  txn::ExecuteOnOtherNodes(
      RunCommandsText(list_make1(psprintf("DROP TABLE IF EXISTS %s CASCADE", table))));
  txn::NoteLocalWrite();
  ListCell* cell;
  foreach (cell, members) {
    const catalog::Table* member = catalog::FindTable(lfirst_oid(cell));
    if (member == nullptr) continue;
    ForgetElsewhere(member->relid);
    ForgetTable(*member);
  }
  PutBack(table, columns, aside);
  if (forced) ForceRowSecurity(relid);
  RunCommand(psprintf("DROP TABLE %s", aside));
}

}  // namespace altius::ddl
