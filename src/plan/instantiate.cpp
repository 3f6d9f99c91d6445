// SPDX-License-Identifier: PostgreSQL
#include "altius/plan/instantiate.hpp"

extern "C" {
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::plan {

namespace {

/// The name that stands in a slot: of the shard with the range of `lead`'s shard, null when there is none.  A relation
/// without shards stands for itself.
char* SlotName(Oid relid, const catalog::Table* lead, int shard_index) {
  // `lead` is what the statement was planned for just now; the table may have been read again since.
  const bool leads = lead != nullptr && relid == lead->relid;
  const catalog::Table* table = leads ? lead : catalog::FindTable(relid);
  if (table == nullptr || table->kind == catalog::TableKind::Local || table->shard_count == 0) {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
                                      get_rel_name(relid));
  }
  int index = leads ? shard_index : 0;
  if (!leads && lead != nullptr && table->kind == catalog::TableKind::Hash) {
    const catalog::Shard& shard = lead->shards[shard_index];
    index = catalog::ShardIndexOfRange(*table, shard.min, shard.max, shard_index);
    if (index < 0) return nullptr;
  }
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
  if (lead == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("tables were undistributed while the statement used them"),
                    errhint("Run it again.")));
  }
  return lead;
}

bool AppendInstance(StringInfo out, const Template& text, List* tables, const catalog::Table* lead,
                    int shard_index) {
  for (int i = 0; i < list_length(text.pieces); i++) {
    appendStringInfoString(out, strVal(list_nth(text.pieces, i)));
    if (i >= list_length(text.slots)) continue;
    char* name = SlotName(list_nth_oid(tables, list_nth_int(text.slots, i)), lead, shard_index);
    if (name == nullptr) return false;
    appendStringInfoString(out, name);
    pfree(name);
  }
  return true;
}

}  // namespace altius::plan
