// SPDX-License-Identifier: PostgreSQL
// create_distributed_table and create_reference_table: decide, write the metadata, hand the shell
// table, the metadata and the order to make shards to every node in one message each, make the own
// shards, move the rows.
#include "altius/catalog/writer.hpp"
#include "altius/core/placement/round_robin.hpp"
#include "altius/core/shard/ranges.hpp"
#include "altius/ddl/objects.hpp"
#include "altius/ddl/shard_numbers.hpp"
#include "altius/txn/coordinated.hpp"
#include "checks.hpp"
#include "colocation.hpp"
#include "object_commands.hpp"
#include "rows.hpp"
#include "share.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

using catalog::TableKind;

void FillKey(Plan* plan, const DistributeOptions& options) {
  plan->kind = options.reference        ? TableKind::Reference
               : options.key == nullptr ? TableKind::SingleShard
                                        : TableKind::Hash;
  if (options.key == nullptr) return;
  plan->key_name = options.key;
  plan->key = CheckKeyColumn(plan->relid, options.key);
  int32 typmod;
  Oid type;
  get_atttypetypmodcoll(plan->relid, plan->key, &type, &typmod, &plan->key_collation);
  plan->key_type = getBaseType(type);
}

/// The groups of each shard: those of the tables beside it, else dealt out.
pg::Array<int> GroupsOfShard(const Plan& plan, int index) {
  pg::Array<int> groups;
  if (plan.beside != nullptr) {
    const catalog::Shard& shard = plan.beside->shards[index];
    for (int i = 0; i < shard.group_count; i++) groups.push_back(shard.groups[i]);
    return groups;
  }
  if (plan.kind == TableKind::Reference) return GroupsForReference();
  const auto all = GroupsForShards();
  if (plan.copies > all.size())
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("citus.shard_replication_factor (%d) is greater than the number of nodes (%d)",
                    plan.copies, all.size())));
  for (int i = 0; i < plan.copies; i++)
    groups.push_back(core::GroupOfShard(all.data(), all.size(), index + i));
  return groups;
}

void WriteShards(const Plan& plan) {
  pg::Array<int64> ids, placements, placed;
  pg::Array<int32> mins, maxs, groups;
  ShardNumbers numbers(plan.relid, [](int group) { return txn::Enlist(group, txn::Access::Read); });
  for (int i = 0; i < plan.shard_count; i++) {
    ids.push_back(numbers.Next());
    const core::HashRange range =
        plan.beside != nullptr
            ? core::HashRange{plan.beside->shards[i].min, plan.beside->shards[i].max}
            : core::RangeOf(i, plan.shard_count);
    mins.push_back(range.min);
    maxs.push_back(range.max);
    for (const int group : GroupsOfShard(plan, i)) {
      placements.push_back(catalog::NextPlacementId());
      placed.push_back(ids[i]);
      groups.push_back(group);
    }
  }
  const bool hashed = plan.kind == TableKind::Hash;
  catalog::InsertShards(plan.relid, ids.size(), ids.data(), hashed ? mins.data() : nullptr,
                        hashed ? maxs.data() : nullptr);
  catalog::InsertPlacements(placements.size(), placements.data(), placed.data(), groups.data());
}

void WriteMetadata(const Plan& plan) {
  if (plan.new_colocation)
    catalog::InsertColocation(plan.colocation, plan.shard_count, plan.copies, plan.key_type,
                              plan.key_collation);
  if (plan.new_colocation && plan.own_colocation) catalog::KeepColocationForItself(plan.colocation);
  const catalog::Method method = catalog::MethodOf(plan.kind);
  catalog::InsertPartition(plan.relid, method.partmethod, plan.key_name, plan.colocation,
                           method.repmodel);
  WriteShards(plan);
}

/// Parts of shards that wait for the rows which a table has already: they are no news to its triggers, nor to those of the
/// partitioned table.
constexpr int kAfterRows = kAttach | kTriggers;

char* CreateShardsCommand(Oid relid, int parts) {
  return psprintf("SELECT altius_internal.create_shards(%s, %d)", quote_literal_cstr(QualifiedName(relid)), parts);
}

/// Every node gets the table, all at once.  `parts` of its shards.
void Install(const Plan& plan, int parts) {
  const catalog::Table* table = catalog::FindTable(plan.relid);
  int others;
  txn::OtherGroups(&others);
  if (others > 0) {
    List* commands = MissingDependencyCommands(plan.relid);
    if (plan.new_colocation)
      commands = lappend(commands, catalog::ColocationCommand(plan.colocation));
    txn::ExecuteOnOtherNodes(RunCommandsText(list_concat(commands, InstallCommands(*table, parts))));
  }
  txn::NoteLocalWrite();
  CreateLocalShards(*table, parts);
  CreateLocalShards(*table, kForeignKeys);
}

void MoveRowsOf(Oid relid) {
  MoveRows(relid);
  if (TableCommands(relid, kAfterRows) == NIL) return;
  txn::ExecuteOnOtherNodes(RunCommandsText(list_make1(CreateShardsCommand(relid, kAfterRows))));
  CreateLocalShards(*catalog::FindTable(relid), kAfterRows);
}

void DistributeOne(Oid relid, const DistributeOptions& options) {
  CheckDistributable(relid);
  Plan plan = {};
  plan.relid = relid;
  FillKey(&plan, options);
  ChooseColocation(&plan, options);
  const Shape shape = {relid, plan.kind, plan.key, plan.colocation};
  CheckUniqueness(shape);
  CheckForeignKeys(shape);
  const bool has_rows = HasLocalRows(relid);
  if (has_rows) RequireRowMover(relid);
  const bool forced = has_rows && UnforceRowSecurity(relid);
  WriteMetadata(plan);
  Install(plan, has_rows ? kShard & ~kAfterRows : kShard);
  if (has_rows) MoveRowsOf(relid);
  if (forced) ForceRowSecurity(relid);
}

void RefusePartition(Oid relid, const DistributeOptions& options) {
  if (!get_rel_relispartition(relid)) return;
  const Oid parent = get_partition_parent(relid, false);
  if (catalog::FindTable(parent) != nullptr &&
      strcmp(options.colocate_with, QualifiedName(parent)) == 0)
    return;
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("cannot distribute partition \"%s\" by itself", get_rel_name(relid)),
                  errhint("Distribute the partitioned table \"%s\"; its partitions follow.",
                          get_rel_name(parent))));
}

}  // namespace

List* InstallCommands(const catalog::Table& table, int parts) {
  List* commands = CommandsForTable(table.relid, TableCommands(table.relid, kShell), nullptr);
  commands = list_concat(commands, catalog::TableCommands(table));
  commands = lappend(commands, CreateShardsCommand(table.relid, parts));
  List* foreign_keys = CommandsForTable(table.relid, TableCommands(table.relid, kForeignKeys), nullptr);
  if (foreign_keys == NIL) return commands;
  commands = list_concat(commands, foreign_keys);
  return lappend(commands, CreateShardsCommand(table.relid, kForeignKeys));
}

void Distribute(Oid relid, const DistributeOptions& options) {
  RequireCoordinator();
  if (get_rel_name(relid) != nullptr) RequireOwner(relid);  // who may not do it must not wait, with others behind it
  catalog::LockNodes(RowShareLock);
  LockRelationOid(relid, AccessExclusiveLock);
  if (get_rel_name(relid) == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation with OID %u does not exist", relid)));
  RequireOwner(relid);
  RefusePartition(relid, options);
  if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE) {
    DistributeOne(relid, options);
    return ShareUsersOf(relid);
  }
  List* partitions = find_inheritance_children(relid, AccessExclusiveLock);
  DistributeOne(relid, options);
  DistributeOptions beside = options;
  beside.colocate_with = QualifiedName(relid);
  beside.shard_count = 0;
  ListCell* cell;
  foreach (cell, partitions) Distribute(lfirst_oid(cell), beside);
  ShareUsersOf(relid);
}

void AlterDistributed(Oid relid, const DistributeOptions& wanted) {
  RequireCoordinator();
  RequireOwner(relid);
  const catalog::Table* table = catalog::FindTable(relid);
  if (table == nullptr || table->kind == TableKind::Reference || table->kind == TableKind::Local) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("table \"%s\" is not distributed by a column", get_rel_name(relid))));
  }
  DistributeOptions options = wanted;
  if (options.key == nullptr && table->key != 0)
    options.key = get_attname(relid, table->key, false);
  if (options.colocate_with == nullptr) {
    options.colocate_with = "default";
    if (options.shard_count == 0) options.shard_count = table->shard_count;
  }
  Undistribute(relid);
  Distribute(relid, options);
}

}  // namespace altius::ddl
