// SPDX-License-Identifier: PostgreSQL
// Reads the pg_dist_* tables by index scans.  Never SPI: this runs inside planner hooks and
// invalidation-sensitive code.
#include "cache.hpp"
#include "altius/core/shard/key_text.hpp"
#include "relations.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace altius::catalog {
namespace {

constexpr int kNoGroup = -1;

/// What pg_dist_partition says about a relation.
struct PartitionRow {
  bool found = false;
  char method = 0;
  char replication = 0;
  int colocation = 0;
  AttrNumber key = InvalidAttrNumber;
};

AttrNumber KeyOf(Oid relid, const char* text_form) {
  const auto column = core::ColumnOfKeyText(text_form);
  if (column.has_value()) return *column;
  ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("the distribution column of \"%s\" can't be read", get_rel_name(relid)),
                  errdetail("pg_dist_partition.partkey is not what this version writes.")));
  pg_unreachable();
}

PartitionRow ReadPartition(Oid relid) {
  PartitionRow row;
  ScanKeyData key = Equal(partition::kRelid, F_OIDEQ, ObjectIdGetDatum(relid));
  Scan(DistRelations().partition, DistRelations().partition_by_relid, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         row.found = true;
         row.method = DatumGetChar(Column(relation, tuple, partition::kMethod));
         row.replication = DatumGetChar(Column(relation, tuple, partition::kReplication));
         row.colocation = DatumGetInt32(Column(relation, tuple, partition::kColocation));
         bool is_null = false;
         const Datum key_text = Column(relation, tuple, partition::kKey, &is_null);
         if (!is_null) {
           row.key = KeyOf(relid, TextDatumGetCString(key_text));
         }
         return false;
       });
  return row;
}

bool KindOf(const PartitionRow& row, TableKind* kind) {
  if (row.method == 'h' && row.key != InvalidAttrNumber) {
    *kind = TableKind::Hash;
  } else if (row.method == 'n' && row.replication == 't') {
    *kind = TableKind::Reference;
  } else if (row.method == 'n' && row.colocation != 0) {
    *kind = TableKind::SingleShard;
  } else if (row.method == 'n') {
    *kind = TableKind::Local;
  } else {
    return false;
  }
  return true;
}

void ReadPlacements(Shard* shard, MemoryContext context) {
  pg::Array<int> groups;
  ScanKeyData key = Equal(placement::kShard, F_INT8EQ, Int64GetDatum(shard->id));
  Scan(DistRelations().placement, DistRelations().placement_by_shard, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         const int state = DatumGetInt32(Column(relation, tuple, placement::kState));
         if (state == placement::kStateActive) {
           groups.push_back(DatumGetInt32(Column(relation, tuple, placement::kGroup)));
         }
         return true;
       });
  std::sort(groups.begin(), groups.end());
  auto* kept = static_cast<int*>(MemoryContextAlloc(context, sizeof(int) * (groups.size() + 1)));
  std::copy(groups.begin(), groups.end(), kept);
  kept[groups.size()] = kNoGroup;
  shard->groups = kept;
  shard->group_count = groups.size();
}

int32 BoundOf(Relation relation, HeapTuple tuple, int column) {
  bool is_null = false;
  const Datum bound = Column(relation, tuple, column, &is_null);
  return is_null ? 0 : pg_strtoint32(TextDatumGetCString(bound));
}

void ReadShards(Table* table, MemoryContext context) {
  pg::Array<Shard> shards;
  ScanKeyData key = Equal(shard::kRelid, F_OIDEQ, ObjectIdGetDatum(table->relid));
  Scan(DistRelations().shard, DistRelations().shard_by_relid, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         Shard shard{};
         shard.id = DatumGetInt64(Column(relation, tuple, shard::kId));
         shard.min = BoundOf(relation, tuple, shard::kMin);
         shard.max = BoundOf(relation, tuple, shard::kMax);
         shards.push_back(shard);
         return true;
       });
  ApplyForeseen(&shards);
  std::sort(shards.begin(), shards.end(), [](const Shard& a, const Shard& b) {
    return a.min != b.min ? a.min < b.min : a.id < b.id;
  });
  table->shard_count = shards.size();
  table->shards =
      static_cast<Shard*>(MemoryContextAlloc(context, sizeof(Shard) * (shards.size() + 1)));
  table->mins =
      static_cast<int32*>(MemoryContextAlloc(context, sizeof(int32) * (shards.size() + 1)));
  table->shards[shards.size()] = {.id = 0, .min = 0, .max = 0, .groups = &kNoGroup, .group_count = 0};
  for (int i = 0; i < shards.size(); i++) {
    if (shards[i].groups == nullptr) ReadPlacements(&shards[i], context);
    table->shards[i] = shards[i];
    table->mins[i] = shards[i].min;
  }
}

/// Enum values are numbered differently on each node, so their labels are hashed, not their
/// numbers.
Datum HashEnumLabel(FunctionCallInfo fcinfo) {
  const Datum value = PG_GETARG_DATUM(0);
  HeapTuple tuple = SearchSysCache1(ENUMOID, value);
  if (!HeapTupleIsValid(tuple)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                    errmsg("invalid internal value for enum: %u", DatumGetObjectId(value))));
  }
  const char* label = NameStr(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel);
  const uint32 hash = DatumGetUInt32(
      hash_any(reinterpret_cast<const unsigned char*>(label), static_cast<int>(strlen(label))));
  ReleaseSysCache(tuple);
  return UInt32GetDatum(hash);
}

FmgrInfo* EnumHash() {
  static FmgrInfo info;
  info.fn_addr = [](FunctionCallInfo fcinfo) { return HashEnumLabel(fcinfo); };
  info.fn_nargs = 1;
  info.fn_strict = true;
  info.fn_mcxt = CacheMemoryContext;
  return &info;
}

NodeRole RoleOf(Oid role) {
  HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(role));
  if (!HeapTupleIsValid(tuple)) return NodeRole::Unavailable;
  const char* label = NameStr(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel);
  const NodeRole result = strcmp(label, "primary") == 0     ? NodeRole::Primary
                          : strcmp(label, "secondary") == 0 ? NodeRole::Secondary
                                                            : NodeRole::Unavailable;
  ReleaseSysCache(tuple);
  return result;
}

Node ReadNode(Relation relation, HeapTuple tuple, MemoryContext context) {
  const auto column = [&](int number) { return Column(relation, tuple, number); };
  bool is_null = false;
  Node node{};
  node.id = DatumGetInt32(column(node::kId));
  node.group = DatumGetInt32(column(node::kGroup));
  node.host = MemoryContextStrdup(context, TextDatumGetCString(column(node::kName)));
  node.port = DatumGetInt32(column(node::kPort));
  node.role = RoleOf(DatumGetObjectId(column(node::kRole)));
  node.cluster = MemoryContextStrdup(context, NameStr(*DatumGetName(column(node::kCluster))));
  node.active = DatumGetBool(column(node::kActive));
  node.has_metadata = DatumGetBool(column(node::kHasMetadata));
  const Datum synced = Column(relation, tuple, node::kSynced, &is_null);
  node.metadata_synced = !is_null && DatumGetBool(synced);
  node.should_have_shards = DatumGetBool(column(node::kShards));
  return node;
}

}  // namespace

FmgrInfo* HashFunctionOfType(Oid type) {
  if (type_is_enum(type)) return EnumHash();
  TypeCacheEntry* entry = lookup_type_cache(type, TYPECACHE_HASH_PROC_FINFO);
  return OidIsValid(entry->hash_proc) ? &entry->hash_proc_finfo : nullptr;
}

namespace {

void RequireColumn(const Table& table) {
  if (get_attname(table.relid, table.key, true) != nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("table \"%s\" has no column %d", table.name, table.key),
                  errdetail("pg_dist_partition says that it is the distribution column.")));
}

}  // namespace

const Table* LoadTable(Generation* generation, Oid relid) {
  const PartitionRow row = ReadPartition(relid);
  TableKind kind;
  const char* name = row.found ? get_rel_name(relid) : nullptr;
  if (name == nullptr || !KindOf(row, &kind)) return nullptr;

  MemoryContext context = generation->context;
  auto* table = static_cast<Table*>(MemoryContextAllocZero(context, sizeof(Table)));
  table->relid = relid;
  table->name = MemoryContextStrdup(context, name);
  table->schema = MemoryContextStrdup(context, get_namespace_name(get_rel_namespace(relid)));
  table->kind = kind;
  table->colocation = row.colocation;
  if (kind == TableKind::Hash) {
    Oid type;
    int32 typmod;
    table->key = row.key;
    RequireColumn(*table);
    get_atttypetypmodcoll(relid, row.key, &type, &typmod, &table->key_collation);
    table->key_type = getBaseType(type);
    table->hash = HashFunctionOfType(table->key_type);
  }
  ReadShards(table, context);
  return table;
}

void LoadNodes(Generation* generation) {
  pg::Array<Node> nodes;
  Scan(DistRelations().node, InvalidOid, nullptr, 0, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         nodes.push_back(ReadNode(relation, tuple, generation->context));
         return true;
       });
  std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.id < b.id; });
  generation->nodes = static_cast<Node*>(
      MemoryContextAlloc(generation->context, sizeof(Node) * (nodes.size() + 1)));
  std::copy(nodes.begin(), nodes.end(), generation->nodes);
  generation->node_count = nodes.size();
  generation->nodes_loaded = true;
}

int ReadLocalGroup() {
  int group = kCoordinatorGroup;
  Scan(DistRelations().local_group, InvalidOid, nullptr, 0, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         group = DatumGetInt32(Column(relation, tuple, 1));
         return false;
       });
  return group;
}

}  // namespace altius::catalog
