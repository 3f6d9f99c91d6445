// SPDX-License-Identifier: PostgreSQL
// Copies of the reference tables on a node that lacks them: tables, rows, then foreign keys, and
// the placements on all nodes. Writers lock the shell table before they look where its copies are,
// so the lock taken here keeps them away until the new placement is committed.
#include "activate.hpp"
#include "altius/catalog/writer.hpp"
#include "altius/ddl/objects.hpp"
#include "altius/txn/coordinated.hpp"
#include "copy_shard.hpp"
#include "guards.hpp"

extern "C" {
#include "storage/lmgr.h"
#include "utils/builtins.h"
}

namespace altius::cluster {
namespace {

pg::Array<const catalog::Table*> MissingOn(int group) {
  pg::Array<const catalog::Table*> missing;
  for (const catalog::Table* table : catalog::AllTables()) {
    if (table->kind != catalog::TableKind::Reference || table->shard_count == 0) continue;
    if (!catalog::HasPlacement(table->shards[0], group)) missing.push_back(table);
  }
  return missing;
}

/// On all active nodes but `except`, which may be dead.
void BlockWrites(const catalog::Table& table, int except) {
  const char* sql = psprintf("SELECT altius_internal.lock_tables('{" INT64_FORMAT "}', %d, %d)", table.shards[0].id, NodeLockTimeout(), 0);
  int count = 0;
  int* groups = txn::OtherGroups(&count);
  count = static_cast<int>(std::remove(groups, groups + count, except) - groups);
  if (count > 0) txn::ExecuteOnGroups(groups, count, sql);
  LockForNodeChange(table.relid, ShareRowExclusiveLock, psprintf("table \"%s\"", table.name));
}

void RecordPlacement(int64 shard_id, int group) {
  const int64 id = catalog::NextPlacementId();
  txn::ExecuteOnOtherNodes(psprintf("SELECT altius_internal.insert_placements('{" INT64_FORMAT
                                    "}', '{" INT64_FORMAT "}', '{%d}')",
                                    id, shard_id, group));
  catalog::InsertPlacements(1, &id, &shard_id, &group);
}

}  // namespace

void CopyReferenceTables(int group) {
  const auto tables = MissingOn(group);
  for (const catalog::Table* table : tables) BlockWrites(*table, group);
  for (const catalog::Table* table : tables) {
    RunOnGroup(group, ddl::ShardCommands(*table, table->shards[0].id));
    CopyShardRows(*table, table->shards[0], group);
  }
  for (const catalog::Table* table : tables) {
    const int64 shard = table->shards[0].id;
    const int source = table->shards[0].groups[0];
    RunOnGroup(group, ddl::ShardForeignKeyCommands(*table, shard));
    RecordPlacement(shard, group);
    MakeCopyAlike(table->relid, shard, source, group);
  }
}

void BlockReferenceWrites(int leaving_group) {
  for (const catalog::Table* table : catalog::AllTables()) {
    if (table->kind == catalog::TableKind::Reference) BlockWrites(*table, leaving_group);
  }
}

}  // namespace altius::cluster
