// SPDX-License-Identifier: PostgreSQL
#include "altius/plan/instantiate.hpp"

extern "C" {
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::plan {

namespace {

/// The name that stands in a slot.  A relation without shards stands for itself.
char* SlotName(Oid relid, int shard_index) {
  const catalog::Table* table = catalog::FindTable(relid);
  if (table == nullptr || table->kind == catalog::TableKind::Local || table->shard_count == 0) {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
                                      get_rel_name(relid));
  }
  const int index = table->kind == catalog::TableKind::Hash ? shard_index : 0;
  if (index >= table->shard_count)
    elog(ERROR, "shard %d of table %s does not exist", index, table->name);
  return catalog::QualifiedShardName(*table, table->shards[index]);
}

}  // namespace

const catalog::Table* LeadingTable(List* tables) {
  const catalog::Table* lead = nullptr;
  ListCell* cell;
  foreach (cell, tables) {
    const catalog::Table* table = catalog::FindTable(lfirst_oid(cell));
    if (table == nullptr || table->kind == catalog::TableKind::Local) continue;
    if (table->kind == catalog::TableKind::Hash) return table;
    if (lead == nullptr || (lead->kind == catalog::TableKind::Reference &&
                            table->kind == catalog::TableKind::SingleShard)) {
      lead = table;
    }
  }
  if (lead == nullptr) elog(ERROR, "no table of the distributed statement is distributed");
  return lead;
}

void AppendInstance(StringInfo out, const Template& text, List* tables, int shard_index) {
  for (int i = 0; i < list_length(text.pieces); i++) {
    appendStringInfoString(out, strVal(list_nth(text.pieces, i)));
    if (i >= list_length(text.slots)) continue;
    char* name = SlotName(list_nth_oid(tables, list_nth_int(text.slots, i)), shard_index);
    appendStringInfoString(out, name);
    pfree(name);
  }
}

void RaiseNullKey(const catalog::Table& table) {
  const char* column = get_attname(table.relid, table.key, true);
  ereport(
      ERROR,
      (errcode(ERRCODE_NOT_NULL_VIOLATION),
       errmsg("the distribution column \"%s\" of table \"%s\" may not be null",
              column == nullptr ? "?" : column, table.name),
       errhint(
           "Every row of a distributed table is placed by the value of its distribution column.")));
  pg_unreachable();
}

}  // namespace altius::plan
