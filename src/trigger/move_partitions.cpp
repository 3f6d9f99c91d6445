// SPDX-License-Identifier: PostgreSQL
// Triggers of partitions.  A row that is updated and stays in its partition fires the partition's triggers for UPDATE.  Where it does not,
// PostgreSQL fires BEFORE UPDATE, then BEFORE and AFTER DELETE of the old partition and BEFORE and AFTER INSERT of the new one, but no
// AFTER UPDATE; to statements and their transition tables the row is updated.  Other shards make no other partition.
#include "move_partitions.hpp"

#include "altius/pg/row_triggers.hpp"

extern "C" {
#include "access/table.h"
#include "access/tupconvert.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
}

namespace altius::trigger {

namespace {

/// A partition while a row is in it.
struct Partition {
  Target* target;
  ResultRelInfo* result;         // for the check
  TupleConversionMap* of_table;  // null: rows look the same
  TupleConversionMap* to_table;
};

ResultRelInfo* ResultOf(Relation relation) {
  auto* result = makeNode(ResultRelInfo);
  InitResultRelInfo(result, relation, 0, nullptr, 0);
  return result;
}

Partition Open(const Target* table, Oid relid) {
  Partition partition{};
  partition.target = OpenTarget(relid);
  partition.result = ResultOf(partition.target->relation);
  const TupleDesc of_table = RelationGetDescr(table->relation), of_partition = RelationGetDescr(partition.target->relation);
  partition.of_table = convert_tuples_by_name(of_table, of_partition);
  partition.to_table = convert_tuples_by_name(of_partition, of_table);
  return partition;
}

void Store(TupleTableSlot* from, const TupleConversionMap* map, TupleTableSlot* to) {
  HeapTuple row = TupleIn(from);
  ExecStoreHeapTuple(map == nullptr ? heap_copytuple(row) : execute_attr_map_tuple(row, const_cast<TupleConversionMap*>(map)), to, true);
}

TupleTableSlot* InPartition(const Partition& partition, TupleTableSlot* of_table) {
  TupleTableSlot* slot = NewSlot(partition.target);
  Store(of_table, partition.of_table, slot);
  return slot;
}

const Bitmapset* ColumnsIn(const Partition& partition, const Bitmapset* columns) {
  if (partition.of_table == nullptr) return columns;
  Bitmapset* mapped = nullptr;
  const AttrMap* map = partition.of_table->attrMap;
  for (int i = 0; i < map->maplen; i++) {
    if (map->attnums[i] != 0 && bms_is_member(map->attnums[i], columns)) mapped = bms_add_member(mapped, i + 1);
  }
  return mapped;
}

bool Belongs(const Partition& partition, TupleTableSlot* row) {
  return ExecPartitionCheck(partition.result, row, partition.target->caller->estate, false);
}

Oid PartitionOfShard(int64 shard) {
  int index;
  const catalog::Table* table = catalog::FindTableOfShard(shard, &index);
  if (table == nullptr) elog(ERROR, "there is no shard " INT64_FORMAT, shard);
  return table->relid;
}

/// To which the row of the table belongs; false when to none.
bool FindPartition(const Target* table, TupleTableSlot* row, Partition* found) {
  ListCell* cell;
  foreach (cell, pg::PartitionsBelow(table->relid)) {
    if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_RELATION) continue;
    *found = Open(table, lfirst_oid(cell));
    TupleTableSlot* in_partition = InPartition(*found, row);
    const bool belongs = Belongs(*found, in_partition);
    ExecDropSingleTupleTableSlot(in_partition);
    if (belongs) return true;
    CloseTarget(found->target);
  }
  return false;
}

[[noreturn]] void RefuseHalf(const Partition& partition) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("a BEFORE INSERT trigger of partition \"%s\" keeps out a row that an UPDATE moves to it",
                         RelationGetRelationName(partition.target->relation)),
                  errdetail("The row would be gone from its partition without being counted as updated."),
                  errhint("Delete the row.")));
  pg_unreachable();
}

/// The new row (of the table) arrives.
void Arrive(RowChange* update) {
  Partition to;
  if (!FindPartition(update->target, update->new_row, &to)) return;  // the shard says so
  RowChange insert = {to.target, TRIGGER_TYPE_INSERT, nullptr, nullptr, InPartition(to, update->new_row)};
  if (!FireBeforeRow(&insert)) RefuseHalf(to);
  (void)ExecPartitionCheck(to.result, insert.new_row, to.target->caller->estate, true);
  ComputeGenerated(insert);
  TellAfterRow(insert);
  Store(insert.new_row, to.to_table, update->new_row);
  ExecDropSingleTupleTableSlot(insert.new_row);
  CloseTarget(to.target);
}

bool UpdateFrom(const Partition& from, RowChange* update, RowChange* within) {
  if (!FireBeforeRow(within)) return false;
  ComputeGenerated(*within);
  const bool stays = Belongs(from, within->new_row);
  if (stays) {
    TellAfterRow(*within);
  } else {
    RowChange leaves = {from.target, TRIGGER_TYPE_DELETE, nullptr, within->old_row, nullptr};
    if (!FireBeforeRow(&leaves)) return false;
    TellAfterRow(leaves);
  }
  Store(within->new_row, from.to_table, update->new_row);
  if (!stays) Arrive(update);
  return true;
}

}  // namespace

bool UpdateInPartitions(RowChange* update, int64 shard) {
  const Partition from = Open(update->target, PartitionOfShard(shard));
  RowChange within = {from.target, TRIGGER_TYPE_UPDATE, ColumnsIn(from, update->columns), InPartition(from, update->old_row),
                      InPartition(from, update->new_row)};
  const bool updates = UpdateFrom(from, update, &within);
  ExecDropSingleTupleTableSlot(within.old_row);
  ExecDropSingleTupleTableSlot(within.new_row);
  CloseTarget(from.target);
  return updates;
}

void CheckStaysInPartition(const RowChange& change, const Trigger& trigger) {
  Relation relation = change.target->relation;
  if (ExecPartitionCheck(ResultOf(relation), change.new_row, change.target->caller->estate, false)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported"),
                  errdetail("Before executing trigger \"%s\", the row was to be in partition \"%s.%s\".", trigger.tgname,
                            get_namespace_name(RelationGetNamespace(relation)), RelationGetRelationName(relation))));
}

}  // namespace altius::trigger
