// SPDX-License-Identifier: PostgreSQL
// undistribute_table: the shell table on the coordinator keeps its oid and becomes an ordinary
// table, so views, grants and foreign keys that lead to it stay.  The rows of the shards are put into it
// before shards and metadata are removed.
#include "altius/catalog/writer.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/pg/quiet_rows.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/txn/coordinated.hpp"
#include "checks.hpp"
#include "drop.hpp"
#include "rows.hpp"
#include "sql.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::ddl {

namespace {

constexpr long kBatch = 1000;

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

/// The columns that are stored and not generated, as numbers.
List* StoredColumns(Relation relation) {
  List* columns = NIL;
  TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    if (!attribute->attisdropped && attribute->attgenerated == '\0') columns = lappend_int(columns, i);
  }
  return columns;
}

Portal ReadShards(Relation relation, List* columns) {
  StringInfoData names;
  initStringInfo(&names);
  ListCell* cell;
  foreach (cell, columns) {
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), lfirst_int(cell));
    appendStringInfo(&names, "%s%s", names.len == 0 ? "" : ", ", quote_identifier(NameStr(attribute->attname)));
  }
  const char* sql = psprintf("SELECT %s FROM %s", names.data, QualifiedName(RelationGetRelid(relation)));
  const SPIParseOpenOptions options = {};
  return SPI_cursor_parse_open(nullptr, sql, &options);
}

void PutRow(pg::QuietRows* rows, List* columns, HeapTuple tuple, TupleDesc descriptor) {
  TupleTableSlot* slot = pg::NextQuietRow(rows);
  memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
  ListCell* cell;
  foreach (cell, columns) {
    const int column = lfirst_int(cell);
    slot->tts_values[column] =
        heap_getattr(tuple, foreach_current_index(cell) + 1, descriptor, &slot->tts_isnull[column]);
  }
  pg::AddQuietRow(rows);
}

/// The rows of the shards as rows of the shell table.  They are read as the caller, and written as the table's owner, who defines
/// what is computed meanwhile.
void TakeRows(Oid relid) {
  const bool forced = UnforceRowSecurity(relid);
  ForgetLocalRows(relid);
  Relation relation = table_open(relid, NoLock);
  List* columns = StoredColumns(relation);
  const int level = pg::BeginOwnSql();
  SPI_connect();
  Portal shards = ReadShards(relation, columns);
  pg::QuietRows* rows = pg::BeginQuietRows(relation);
  for (;;) {
    SPI_cursor_fetch(shards, true, kBatch);
    if (SPI_processed == 0) break;
    pg::AsOwner(relation->rd_rel->relowner, [&] {
      for (uint64 i = 0; i < SPI_processed; i++) PutRow(rows, columns, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
      pg::FlushQuietRows(rows);
    });
    SPI_freetuptable(SPI_tuptable);
  }
  (void)pg::EndQuietRows(rows);
  SPI_cursor_close(shards);
  SPI_finish();
  pg::EndPortableText(level);
  table_close(relation, NoLock);
  if (forced) ForceRowSecurity(relid);
}

}  // namespace

void Undistribute(Oid relid) {
  RequireCoordinator();
  RequireOwner(relid);  // who may not do it must not wait, with others behind it
  LockRelationOid(relid, AccessExclusiveLock);
  RequireOwner(relid);
  CheckUndistributable(relid);
  const char* table = QualifiedName(relid);
  List* members = find_all_inheritors(relid, AccessExclusiveLock, nullptr);
  ListCell* cell;
  foreach (cell, members) {
    const Oid member = lfirst_oid(cell);
    if (get_rel_relkind(member) == RELKIND_RELATION && catalog::FindTable(member) != nullptr) TakeRows(member);
  }
  txn::ExecuteOnOtherNodes(
      RunCommandsText(list_make1(psprintf("DROP TABLE IF EXISTS %s CASCADE", table))));
  txn::NoteLocalWrite();
  foreach (cell, members) {
    const catalog::Table* member = catalog::FindTable(lfirst_oid(cell));
    if (member == nullptr) continue;
    ForgetElsewhere(member->relid);
    ForgetTable(*member);
  }
}

}  // namespace altius::ddl
