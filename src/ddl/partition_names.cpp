// SPDX-License-Identifier: PostgreSQL
#include "partition_names.hpp"

#include "sql.hpp"

extern "C" {
#include "catalog/partition.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

bool IsInherited(Oid relid, const char* check) {
  return QueryText(R"(
SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND conname = $2 AND contype = 'c' AND coninhcount > 0)",
                   {OidValue(relid), TextValue(check)}) != nullptr;
}

/// What the shell table's CHECK constraint is called on the shard: by the id of the ancestor's
/// shard that declares it.
char* NameOnShard(const catalog::Table& table, const char* check, int index) {
  const catalog::Table* owner = &table;
  while (get_rel_relispartition(owner->relid) && IsInherited(owner->relid, check)) {
    const catalog::Table* parent = catalog::FindTable(get_partition_parent(owner->relid, true));
    if (parent == nullptr) break;
    owner = parent;
  }
  return Extend(check, owner->shards[index].id);
}

}  // namespace

const catalog::Table* PartitionIn(Node* statement, AlterTableType type) {
  if (!IsA(statement, AlterTableStmt)) return nullptr;
  auto* alter = reinterpret_cast<AlterTableStmt*>(statement);
  if (alter->objtype != OBJECT_TABLE) return nullptr;
  ListCell* cell;
  foreach (cell, alter->cmds) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype == type) return TableOfName(castNode(PartitionCmd, command->def)->name);
  }
  return nullptr;
}

void MatchChecks(const catalog::Table& parent, const catalog::Table& partition, int index) {
  const catalog::Shard& shard = partition.shards[index];
  const Oid relid = ShardRelation(partition, shard);
  if (!OidIsValid(relid)) return;
  ListCell* cell;
  foreach (cell, QueryTexts("SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND "
                            "contype = 'c' ORDER BY 1",
                            {OidValue(parent.relid)})) {
    const char* check = static_cast<char*>(lfirst(cell));
    const char* own = Extend(check, shard.id);
    const char* wanted = NameOnShard(parent, check, index);
    if (QueryText("SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND contype = 'c' "
                  "AND conname = $2",
                  {OidValue(relid), TextValue(own)}) == nullptr)
      continue;
    RunCommand(psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", QualifiedName(relid),
                        quote_identifier(own), quote_identifier(wanted)));
  }
}

}  // namespace altius::ddl
