// SPDX-License-Identifier: PostgreSQL
// ADD COLUMN .. serial (identity, DEFAULT nextval) on a table with rows.  The coordinator counts
// the rows of each shard, takes as many numbers from the sequence and tells each shard where its
// range begins.  All copies of a shard number alike (number_rows.cpp).
#include "fill_column.hpp"

#include "altius/txn/coordinated.hpp"
#include "number_rows.hpp"
#include "rewrite.hpp"
#include "rows.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

struct Column {
  const char* name;
  bool not_null;
  Oid sequence;
  int64 increment;
};

/// The sequence that the column's default or identity draws from.
Column Describe(Oid relid, const char* name) {
  Column column = {name, false, InvalidOid, 1};
  List* rows = QueryRows(R"(
SELECT attnotnull, seqrelid, seqincrement FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON adrelid = attrelid AND adnum = attnum
JOIN pg_catalog.pg_depend p ON
  p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND ((p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid)
       OR (p.refobjid = attrelid AND p.refobjsubid = attnum AND p.deptype = 'i'))
JOIN pg_catalog.pg_sequence s ON seqrelid = CASE WHEN p.objid = d.oid THEN p.refobjid ELSE p.objid END
WHERE attrelid = $1 AND attname = $2 LIMIT 1)",
                         {OidValue(relid), TextValue(name)});
  if (rows == NIL) return column;
  char** row = static_cast<char**>(linitial(rows));
  column.not_null = row[0][0] == 't';
  column.sequence = static_cast<Oid>(strtoul(row[1], nullptr, 10));
  column.increment = strtoll(row[2], nullptr, 10);
  return column;
}

void RunOn(int group, const char* sql) {
  if (group == catalog::LocalGroup())
    RunQuery(sql);
  else
    remote::Execute(txn::Enlist(group, txn::Access::Write), sql);
}

int64 CountRows(int group, const catalog::Table& table, const catalog::Shard& shard) {
  if (group == catalog::LocalGroup()) return CountShardRows(table, shard);
  const char* sql = psprintf("SELECT altius_internal.count_shard_rows(" INT64_FORMAT ")", shard.id);
  const char* count = remote::FetchValueByNode(txn::Enlist(group, txn::Access::Write), sql);
  return count == nullptr ? 0 : strtoll(count, nullptr, 10);
}

void NumberRows(int group, const catalog::Table& table, const catalog::Shard& shard, const Column& column, int64 first) {
  if (group == catalog::LocalGroup()) return NumberShardRows(table, shard, column.name, {first, column.increment});
  const char* sql =
      psprintf("SELECT altius_internal.number_shard_rows(" INT64_FORMAT ", %s, " INT64_FORMAT ", " INT64_FORMAT ")", shard.id,
               quote_literal_cstr(column.name), first, column.increment);
  remote::Wait(remote::Send(txn::Enlist(group, txn::Access::Write), {.sql = sql, .by_node = true}, nullptr));
}

/// Takes `count` numbers; returns the first.
int64 TakeNumbers(const Column& column, int64 count) {
  const int64 first = nextval_internal(column.sequence, true);
  if (count > 1)
    RunQuery(psprintf("SELECT pg_catalog.setval(%u::pg_catalog.regclass, " INT64_FORMAT ")",
                      column.sequence, first + (count - 1) * column.increment));
  return first;
}

void FillShard(const catalog::Table& table, const catalog::Shard& shard, const Column& column) {
  const int64 rows = CountRows(shard.groups[0], table, shard);
  const int64 first = rows > 0 ? TakeNumbers(column, rows) : 0;
  for (int i = 0; i < shard.group_count; i++) {
    if (rows > 0) NumberRows(shard.groups[i], table, shard, column, first);
    if (column.not_null)
      RunOn(shard.groups[i], psprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", catalog::QualifiedShardName(table, shard),
                                      quote_identifier(column.name)));
  }
}

void FillShards(const catalog::Table& table, const Column& column) {
  const Oid relid = table.relid;
  const bool forced = UnforceRowSecurity(relid);
  const catalog::Table& now = *catalog::FindTable(relid);
  for (int i = 0; i < now.shard_count; i++) FillShard(now, now.shards[i], column);
  if (forced) ForceRowSecurity(relid);
}

/// Whether each copy has computed something for its rows.  A column without a default is null everywhere; a domain may have one.
bool ComputesValues(const AlterTableCmd& command, Oid relid) {
  if (command.subtype == AT_AlterColumnType) return true;
  if (command.subtype != AT_AddColumn) return false;
  const auto* definition = castNode(ColumnDef, command.def);
  if (definition->raw_default != nullptr || definition->cooked_default != nullptr || definition->constraints != NIL) return true;
  const AttrNumber column = get_attnum(relid, definition->colname);
  return column == InvalidAttrNumber || get_typtype(get_atttype(relid, column)) == TYPTYPE_DOMAIN;
}

}  // namespace

void FillAddedColumns(AlterTableStmt* alter, Oid relid) {
  if (alter->objtype != OBJECT_TABLE || !OidIsValid(relid)) return;
  ListCell* cell;
  foreach (cell, alter->cmds) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype != AT_AddColumn) continue;
    auto* definition = castNode(ColumnDef, command->def);
    if (!IsFedBySequence(*definition)) continue;
    const catalog::Table* table = catalog::FindTable(relid);
    const Column column = Describe(relid, definition->colname);
    if (OidIsValid(column.sequence)) FillShards(*table, column);
  }
}

void EvenCopies(AlterTableStmt* alter, Oid relid) {
  const catalog::Table* table = OidIsValid(relid) ? catalog::FindTable(relid) : nullptr;
  if (table == nullptr || table->kind != catalog::TableKind::Reference) return;
  ListCell* cell;
  foreach (cell, alter->cmds) {
    if (!ComputesValues(*lfirst_node(AlterTableCmd, cell), relid)) continue;
    RunQuery(psprintf("SELECT altius_internal.even_copies(%u::pg_catalog.oid::pg_catalog.regclass)", relid));
    return;
  }
}

}  // namespace altius::ddl
