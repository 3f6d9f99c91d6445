// SPDX-License-Identifier: PostgreSQL
#include "number_rows.hpp"

#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/quiet_rows.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/task/users_path.hpp"
#include "checks.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::ddl {

namespace {

Oid RequireShard(const catalog::Table& table, const catalog::Shard& shard) {
  const Oid relid = ShardRelation(table, shard);
  if (OidIsValid(relid) && get_rel_relkind(relid) == get_rel_relkind(table.relid) &&
      pg::OwnerOfRelation(relid) == pg::OwnerOfRelation(table.relid))
    return relid;
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("\"%s\" is not the shard of \"%s\" any more", catalog::ShardName(table, shard), table.name)));
  pg_unreachable();
}

int64 CountRowsOf(Oid relid) {
  Relation relation = table_open(relid, NoLock);
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
  int64 count = 0;
  for (; table_scan_getnextslot(scan, ForwardScanDirection, slot); count++) CHECK_FOR_INTERRUPTS();
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  UnregisterSnapshot(snapshot);
  table_close(relation, NoLock);
  return count;
}

}  // namespace

int64 CountShardRows(const catalog::Table& table, const catalog::Shard& shard) {
  CommandCounterIncrement();
  int64 count = 0;
  ListCell* cell;
  foreach (cell, find_all_inheritors(RequireShard(table, shard), AccessShareLock, nullptr)) {
    if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION) count += CountRowsOf(lfirst_oid(cell));
  }
  return count;
}

void NumberShardRows(const catalog::Table& table, const catalog::Shard& shard, const char* column, Numbers numbers) {
  const Oid relid = RequireShard(table, shard);
  const Oid owner = pg::OwnerOfRelation(relid);
  const char* name = catalog::QualifiedShardName(table, shard);
  const char* sql =
      psprintf("UPDATE %s AS filled SET %s = " INT64_FORMAT " OPERATOR(pg_catalog.+) (numbered.number OPERATOR(pg_catalog.-) 1)"
               " OPERATOR(pg_catalog.*) " INT64_FORMAT
               " FROM (SELECT copied.tableoid AS part, copied.ctid AS place, pg_catalog.row_number() OVER (ORDER BY "
               "ROW(copied.*)::pg_catalog.text) AS number FROM %s AS copied) AS numbered"
               " WHERE filled.tableoid OPERATOR(pg_catalog.=) numbered.part AND filled.ctid OPERATOR(pg_catalog.=) numbered.place",
               name, quote_identifier(column), numbers.first, numbers.step, name);
  const auto update = [&] {
    const int level = pg::BeginPortableText();
    pg::AsOwner(owner, [&] { pg::UpdateQuietly(relid, sql); });
    pg::EndPortableText(level);
  };
  if (task::RunsForAnotherPath()) {
    task::OnUsersPath(update);
  } else {
    update();
  }
}

namespace {

const catalog::Table& RequireTable(int64 shard_id, int* index) {
  const catalog::Table* table = catalog::FindTableOfShard(shard_id, index);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard " INT64_FORMAT " does not exist", shard_id)));
  RequireOwner(table->relid);
  return *table;
}

}  // namespace

}  // namespace altius::ddl

/// count_shard_rows(shard_id bigint)
ALTIUS_NODE_FUNCTION(altius_count_shard_rows) {
  using namespace altius;
  int index = 0;
  const catalog::Table& table = ddl::RequireTable(PG_GETARG_INT64(0), &index);
  PG_RETURN_INT64(ddl::CountShardRows(table, table.shards[index]));
}

/// number_shard_rows(shard_id bigint, column_name text, first bigint, step bigint)
ALTIUS_NODE_FUNCTION(altius_number_shard_rows) {
  using namespace altius;
  int index = 0;
  const catalog::Table& table = ddl::RequireTable(PG_GETARG_INT64(0), &index);
  ddl::NumberShardRows(table, table.shards[index], text_to_cstring(PG_GETARG_TEXT_PP(1)), {PG_GETARG_INT64(2), PG_GETARG_INT64(3)});
  PG_RETURN_VOID();
}
