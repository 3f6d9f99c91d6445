// SPDX-License-Identifier: PostgreSQL
// Writes rows of the pg_dist_* tables directly, not through SQL: a table's owner may distribute it
// without having any right on the metadata.  Callers have checked ownership.
#include "altius/catalog/writer.hpp"

#include "relations.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/sequence.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::catalog {
namespace {

int64 NextOf(const char* sequence) {
  return nextval_internal(get_relname_relid(sequence, PG_CATALOG_NAMESPACE), false);
}

/// Inserts rows into one table; ends with the new rows visible and the caches told.
class Inserter {
 public:
  explicit Inserter(Oid relid)
      : relation_(table_open(relid, RowExclusiveLock)), indexes_(CatalogOpenIndexes(relation_)) {}

  void Insert(Datum* values, bool* nulls) {
    HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation_), values, nulls);
    CatalogTupleInsertWithInfo(relation_, tuple, indexes_);
    heap_freetuple(tuple);
  }
  void Finish() {
    CatalogCloseIndexes(indexes_);
    table_close(relation_, NoLock);
    CommandCounterIncrement();
    InvalidateMetadata();
  }

 private:
  Relation relation_;
  CatalogIndexState indexes_;
};

/// Deletes the rows that satisfy the key.
void Delete(Oid relid, Oid index, ScanKeyData* keys, int key_count) {
  Scan(relid, index, keys, key_count, RowExclusiveLock, [](Relation relation, HeapTuple tuple) {
    CatalogTupleDelete(relation, &tuple->t_self);
    return true;
  });
}

pg::Array<int64> ShardsOf(Oid relid) {
  pg::Array<int64> ids;
  ScanKeyData key = Equal(shard::kRelid, F_OIDEQ, ObjectIdGetDatum(relid));
  Scan(DistRelations().shard, DistRelations().shard_by_relid, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         ids.push_back(DatumGetInt64(Column(relation, tuple, shard::kId)));
         return true;
       });
  return ids;
}

/// pg_dist_partition.partkey: the column as a Var in PostgreSQL's text form of nodes.
char* KeyText(Oid relid, const char* column) {
  const AttrNumber number = get_attnum(relid, column);
  if (number == InvalidAttrNumber) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", column,
                           get_rel_name(relid))));
  }
  Oid type;
  Oid collation;
  int32 typmod;
  get_atttypetypmodcoll(relid, number, &type, &typmod, &collation);
  if (number < 0 || HashFunctionOfType(getBaseType(type)) == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("column \"%s\" can't be the distribution column", column)));
  }
  return nodeToString(makeVar(1, number, type, typmod, collation, 0));
}

/// What the callers' own checks make sure of, again: nothing else of the metadata is fit for anything but tables.
void CheckTable(Oid relid) {
  const char kind = get_rel_relkind(relid);
  const bool fits = kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
  if (fits && relid >= FirstNormalObjectId && get_rel_persistence(relid) != RELPERSISTENCE_TEMP) return;
  const char* name = get_rel_name(relid);
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("\"%s\" can't be a distributed table", name == nullptr ? "?" : name)));
}

Datum BoundText(int32 bound) { return CStringGetTextDatum(psprintf("%d", bound)); }

}  // namespace

int64 NextShardId() { return NextOf("pg_dist_shardid_seq"); }
int64 NextPlacementId() { return NextOf("pg_dist_placement_placementid_seq"); }
int32 NextColocationId() { return static_cast<int32>(NextOf("pg_dist_colocationid_seq")); }
int32 NextNodeId() { return static_cast<int32>(NextOf("pg_dist_node_nodeid_seq")); }
int32 NextGroupId() { return static_cast<int32>(NextOf("pg_dist_groupid_seq")); }

Method MethodOf(TableKind kind) {
  switch (kind) {
    case TableKind::Hash:
      return {'h', 's'};
    case TableKind::Reference:
      return {'n', 't'};
    case TableKind::SingleShard:
    case TableKind::Local:
      return {'n', 's'};
  }
  pg_unreachable();
}

void InsertPartition(Oid relid, char partmethod, const char* key_column, int colocation,
                     char repmodel) {
  CheckTable(relid);
  if ((partmethod == 'h') != (key_column != nullptr) || (partmethod != 'h' && partmethod != 'n') ||
      (repmodel != 's' && repmodel != 't')) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are no such distributed tables")));
  }
  Datum values[partition::kColumns] = {};
  bool nulls[partition::kColumns] = {};
  values[partition::kRelid - 1] = ObjectIdGetDatum(relid);
  values[partition::kMethod - 1] = CharGetDatum(partmethod);
  values[partition::kColocation - 1] = Int32GetDatum(colocation);
  values[partition::kReplication - 1] = CharGetDatum(repmodel);
  values[partition::kAutoConverted - 1] = BoolGetDatum(false);
  nulls[partition::kKey - 1] = key_column == nullptr;
  if (key_column != nullptr) {
    values[partition::kKey - 1] = CStringGetTextDatum(KeyText(relid, key_column));
  }
  Inserter inserter(DistRelations().partition);
  inserter.Insert(values, nulls);
  inserter.Finish();
  InvalidateTable(relid);
}

void InsertShards(Oid relid, int count, const int64* ids, const int32* mins, const int32* maxs) {
  CheckTable(relid);
  const bool has_bounds = mins != nullptr && maxs != nullptr;
  Inserter inserter(DistRelations().shard);
  for (int i = 0; i < count; i++) {
    Datum values[shard::kColumns] = {};
    bool nulls[shard::kColumns] = {};
    values[shard::kRelid - 1] = ObjectIdGetDatum(relid);
    values[shard::kId - 1] = Int64GetDatum(ids[i]);
    values[shard::kStorage - 1] = CharGetDatum('t');
    nulls[shard::kMin - 1] = nulls[shard::kMax - 1] = !has_bounds;
    if (has_bounds) {
      values[shard::kMin - 1] = BoundText(mins[i]);
      values[shard::kMax - 1] = BoundText(maxs[i]);
    }
    inserter.Insert(values, nulls);
  }
  inserter.Finish();
}

void InsertPlacements(int count, const int64* placement_ids, const int64* shard_ids,
                      const int32* groups) {
  Inserter inserter(DistRelations().placement);
  for (int i = 0; i < count; i++) {
    Datum values[placement::kColumns] = {};
    bool nulls[placement::kColumns] = {};
    values[placement::kId - 1] = Int64GetDatum(placement_ids[i]);
    values[placement::kShard - 1] = Int64GetDatum(shard_ids[i]);
    values[placement::kState - 1] = Int32GetDatum(placement::kStateActive);
    values[placement::kLength - 1] = Int64GetDatum(0);
    values[placement::kGroup - 1] = Int32GetDatum(groups[i]);
    inserter.Insert(values, nulls);
  }
  inserter.Finish();
}

void MovePlacements(int count, const int64* shard_ids, int32 from, int32 to) {
  const Relations& tables = DistRelations();
  for (int i = 0; i < count; i++) {
    int moved = 0;
    ScanKeyData key = Equal(placement::kShard, F_INT8EQ, Int64GetDatum(shard_ids[i]));
    Scan(tables.placement, tables.placement_by_shard, &key, 1, RowExclusiveLock,
         [&](Relation relation, HeapTuple tuple) {
           if (DatumGetInt32(Column(relation, tuple, placement::kGroup)) != from) return true;
           Datum values[placement::kColumns] = {};
           bool nulls[placement::kColumns] = {};
           bool replace[placement::kColumns] = {};
           values[placement::kGroup - 1] = Int32GetDatum(to);
           replace[placement::kGroup - 1] = true;
           HeapTuple changed =
               heap_modify_tuple(tuple, RelationGetDescr(relation), values, nulls, replace);
           CatalogTupleUpdate(relation, &tuple->t_self, changed);
           moved++;
           return false;
         });
    if (moved == 1) continue;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("shard %lld has no placement in group %d",
                           static_cast<long long>(shard_ids[i]), from)));
  }
  CommandCounterIncrement();
  InvalidateMetadata();
}

void InsertStray(int64 shard_id, Oid relid) {
  Datum values[stray::kColumns] = {};
  bool nulls[stray::kColumns] = {};
  values[stray::kId - 1] = Int64GetDatum(shard_id);
  values[stray::kRelid - 1] = ObjectIdGetDatum(relid);
  Inserter inserter(DistRelations().stray);
  inserter.Insert(values, nulls);
  inserter.Finish();
}

void DeleteStray(int64 shard_id) {
  ScanKeyData key = Equal(stray::kId, F_INT8EQ, Int64GetDatum(shard_id));
  Delete(DistRelations().stray, DistRelations().stray_by_id, &key, 1);
}

namespace {

/// The shard's rows go; the relation it belongs to.
Oid RetireShard(int64 id) {
  int index = 0;
  const Table* table = FindTableOfShard(id, &index);
  if (table == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("shard %lld does not exist", static_cast<long long>(id))));
  }
  const Shard& shard = table->shards[index];
  // What an earlier move has left here waits to be cleaned up, too, as that of a shard.
  const bool is_here = HasPlacement(shard, LocalGroup()) || OidIsValid(RelationOfShard(*table, shard, AccessShareLock));
  ScanKeyData placement_key = Equal(placement::kShard, F_INT8EQ, Int64GetDatum(id));
  Delete(DistRelations().placement, DistRelations().placement_by_shard, &placement_key, 1);
  ScanKeyData shard_key = Equal(shard::kId, F_INT8EQ, Int64GetDatum(id));
  Delete(DistRelations().shard, DistRelations().shard_by_id, &shard_key, 1);
  if (is_here) InsertStray(id, table->relid);
  return table->relid;
}

void AddToShardCount(int colocation, int more) {
  ScanKeyData key = Equal(colocation::kId, F_INT4EQ, Int32GetDatum(colocation));
  Scan(DistRelations().colocation, DistRelations().colocation_by_id, &key, 1, RowExclusiveLock,
       [&](Relation relation, HeapTuple tuple) {
         Datum values[colocation::kColumns] = {};
         bool nulls[colocation::kColumns] = {};
         bool replace[colocation::kColumns] = {};
         const int count = DatumGetInt32(Column(relation, tuple, colocation::kShardCount));
         values[colocation::kShardCount - 1] = Int32GetDatum(count + more);
         replace[colocation::kShardCount - 1] = true;
         CatalogTupleUpdate(
             relation, &tuple->t_self,
             heap_modify_tuple(tuple, RelationGetDescr(relation), values, nulls, replace));
         return false;
       });
}

}  // namespace

void SplitShards(int count, const ShardPart* parts) {
  if (count == 0) return;
  const Table* lead = FindTableOfShard(parts[0].parent, nullptr);
  int parts_of_one = 0;
  Oid relid = InvalidOid;
  for (int i = 0; i < count; i++) {
    const ShardPart& part = parts[i];
    if (i == 0 || part.parent != parts[i - 1].parent) relid = RetireShard(part.parent);
    if (part.parent == parts[0].parent) parts_of_one++;
    InsertShards(relid, 1, &part.id, &part.min, &part.max);
    InsertPlacements(1, &part.placement, &part.id, &part.group);
    DeleteStray(part.id);
  }
  if (lead->colocation != 0) AddToShardCount(lead->colocation, parts_of_one - 1);
  CommandCounterIncrement();
  InvalidateMetadata();
}

void InsertColocation(int id, int shard_count, int replication_factor, Oid key_type,
                      Oid key_collation) {
  Datum values[colocation::kColumns] = {};
  bool nulls[colocation::kColumns] = {};
  values[colocation::kId - 1] = Int32GetDatum(id);
  values[colocation::kShardCount - 1] = Int32GetDatum(shard_count);
  values[colocation::kReplication - 1] = Int32GetDatum(replication_factor);
  values[colocation::kType - 1] = ObjectIdGetDatum(key_type);
  values[colocation::kCollation - 1] = ObjectIdGetDatum(key_collation);
  Inserter inserter(DistRelations().colocation);
  inserter.Insert(values, nulls);
  inserter.Finish();
}

void KeepColocationForItself(int id) {
  Datum values[own_colocation::kColumns] = {Int32GetDatum(id)};
  bool nulls[own_colocation::kColumns] = {};
  Inserter inserter(DistRelations().own_colocation);
  inserter.Insert(values, nulls);
  inserter.Finish();
}

void DeleteColocation(int id) {
  ScanKeyData own_key = Equal(own_colocation::kId, F_INT4EQ, Int32GetDatum(id));
  Delete(DistRelations().own_colocation, DistRelations().own_colocation_by_id, &own_key, 1);
  ScanKeyData key = Equal(colocation::kId, F_INT4EQ, Int32GetDatum(id));
  Delete(DistRelations().colocation, DistRelations().colocation_by_id, &key, 1);
  CommandCounterIncrement();
  InvalidateMetadata();
}

void DeleteTable(Oid relid) {
  const Relations& tables = DistRelations();
  for (const int64 id : ShardsOf(relid)) {
    ScanKeyData key = Equal(placement::kShard, F_INT8EQ, Int64GetDatum(id));
    Delete(tables.placement, tables.placement_by_shard, &key, 1);
  }
  ScanKeyData shard_key = Equal(shard::kRelid, F_OIDEQ, ObjectIdGetDatum(relid));
  Delete(tables.shard, tables.shard_by_relid, &shard_key, 1);
  ScanKeyData key = Equal(partition::kRelid, F_OIDEQ, ObjectIdGetDatum(relid));
  Delete(tables.partition, tables.partition_by_relid, &key, 1);
  CommandCounterIncrement();
  InvalidateTable(relid);
}

bool IsDistributedObject(Oid class_id, Oid object_id) {
  bool found = false;
  ScanKeyData keys[] = {Equal(object::kClass, F_OIDEQ, ObjectIdGetDatum(class_id)),
                        Equal(object::kObject, F_OIDEQ, ObjectIdGetDatum(object_id)),
                        Equal(object::kSubId, F_INT4EQ, Int32GetDatum(0))};
  Scan(DistRelations().object, DistRelations().object_by_address, keys, 3, AccessShareLock,
       [&](Relation, HeapTuple) {
         found = true;
         return false;
       });
  return found;
}

void InsertObject(Oid class_id, Oid object_id) {
  if (IsDistributedObject(class_id, object_id)) return;
  Datum values[object::kColumns] = {};
  bool nulls[object::kColumns];
  std::fill(nulls, nulls + object::kColumns, true);
  nulls[object::kClass - 1] = nulls[object::kObject - 1] = nulls[object::kSubId - 1] = false;
  values[object::kClass - 1] = ObjectIdGetDatum(class_id);
  values[object::kObject - 1] = ObjectIdGetDatum(object_id);
  values[object::kSubId - 1] = Int32GetDatum(0);
  Inserter inserter(DistRelations().object);
  inserter.Insert(values, nulls);
  inserter.Finish();
}

void DeleteObject(Oid class_id, Oid object_id) {
  ScanKeyData keys[] = {Equal(object::kClass, F_OIDEQ, ObjectIdGetDatum(class_id)),
                        Equal(object::kObject, F_OIDEQ, ObjectIdGetDatum(object_id)),
                        Equal(object::kSubId, F_INT4EQ, Int32GetDatum(0))};
  Delete(DistRelations().object, DistRelations().object_by_address, keys, 3);
  CommandCounterIncrement();
}

}  // namespace altius::catalog
