// SPDX-License-Identifier: PostgreSQL
// The cache of the metadata: generations, invalidation, look-ups.  Reading the tables is load.cpp.
#include "cache.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/core/shard/ranges.hpp"
#include "relations.hpp"

extern "C" {
#include "utils/typcache.h"
#include "utils/lsyscache.h"
#include "access/transam.h"
#include "access/xact.h"
#include "utils/inval.h"
#include "utils/syscache.h"
}

namespace altius::catalog {
namespace {

Generation* current = nullptr;
Generation* stale_list = nullptr;
bool current_is_stale = false;
uint64 version = 1;  // grows when something may have changed

HTAB* MakeHash(const char* name, Size key_size, Size entry_size, MemoryContext context) {
  HASHCTL control{};
  control.keysize = key_size;
  control.entrysize = entry_size;
  control.hcxt = context;
  return hash_create(name, 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

Generation* NewGeneration() {
  MemoryContext context =
      AllocSetContextCreate(CacheMemoryContext, "altius metadata", ALLOCSET_START_SMALL_SIZES);
  auto* made = static_cast<Generation*>(MemoryContextAllocZero(context, sizeof(Generation)));
  made->context = context;
  made->tables = MakeHash("altius tables", sizeof(Oid), sizeof(TableEntry), context);
  made->shards = MakeHash("altius shards", sizeof(int64), sizeof(ShardEntry), context);
  made->relations = MakeHash("altius relations", sizeof(Oid), sizeof(RelationEntry), context);
  return made;
}

void FreeStale() {
  while (stale_list != nullptr) {
    Generation* next = stale_list->next;
    MemoryContextDelete(stale_list->context);
    stale_list = next;
  }
}

void OnTransactionEnd(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_ABORT:
      ForgetForeseen();  // whoever foresees something gives up after an error
      FreeStale();
      break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PREPARE:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PARALLEL_ABORT:
      FreeStale();
      break;
    default:
      break;
  }
}

void OnRelationChange(Datum, Oid relid) {
  if (relid == InvalidOid || IsDistRelation(relid)) {
    MarkStale();
    ForgetRelations();
    return;
  }
  if (current == nullptr || current_is_stale) return;
  const auto* entry =
      static_cast<TableEntry*>(hash_search(current->tables, &relid, HASH_FIND, nullptr));
  if (entry != nullptr && entry->table != nullptr) MarkStale();  // its name or columns may differ
}

void OnSchemaChange(Datum, int, uint32) {
  ForgetRelations();
  MarkStale();
}

Oid RelationOfShard(int64 shard_id) {
  Oid relid = InvalidOid;
  ScanKeyData key = Equal(shard::kId, F_INT8EQ, Int64GetDatum(shard_id));
  Scan(DistRelations().shard, DistRelations().shard_by_id, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         relid = DatumGetObjectId(Column(relation, tuple, shard::kRelid));
         return false;
       });
  return relid;
}

}  // namespace

void MarkStale() {
  current_is_stale = true;
  version++;
}

uint64 NodesVersion() { return version; }

Generation* CurrentGeneration() {
  if (current != nullptr && current_is_stale) {
    current->next = stale_list;
    stale_list = current;
    current = nullptr;
  }
  if (current == nullptr) {
    current_is_stale = false;
    current = NewGeneration();
  }
  return current;
}

const Table* FindTable(Oid relid) {
  if (relid < FirstNormalObjectId || !IsActive()) return nullptr;
  Generation* generation = CurrentGeneration();
  const auto* known =
      static_cast<TableEntry*>(hash_search(generation->tables, &relid, HASH_FIND, nullptr));
  if (known != nullptr) return known->table;

  const Table* table = LoadTable(generation, relid);
  auto* entry =
      static_cast<TableEntry*>(hash_search(generation->tables, &relid, HASH_ENTER, nullptr));
  entry->table = table;
  if (table == nullptr) return nullptr;
  for (int i = 0; i < table->shard_count; i++) {
    auto* shard = static_cast<ShardEntry*>(
        hash_search(generation->shards, &table->shards[i].id, HASH_ENTER, nullptr));
    shard->table = table;
    shard->index = i;
  }
  return table;
}

bool IsCachedShard(int64 shard_id) noexcept {
  if (current == nullptr) return false;
  const auto* known =
      static_cast<ShardEntry*>(hash_search(current->shards, &shard_id, HASH_FIND, nullptr));
  return known != nullptr && known->table != nullptr;
}

const Table* FindTableOfShard(int64 shard_id, int* index) {
  if (!IsActive()) return nullptr;
  Generation* generation = CurrentGeneration();
  const auto* known =
      static_cast<ShardEntry*>(hash_search(generation->shards, &shard_id, HASH_FIND, nullptr));
  if (known != nullptr) {
    if (index != nullptr) *index = known->index;
    return known->table;
  }
  const Oid relid = RelationOfShard(ForeseenParent(shard_id));
  const Table* table = OidIsValid(relid) ? FindTable(relid) : nullptr;
  for (int i = 0; table != nullptr && i < table->shard_count; i++) {
    if (table->shards[i].id != shard_id) continue;
    if (index != nullptr) *index = i;
    return table;
  }
  auto* none =
      static_cast<ShardEntry*>(hash_search(generation->shards, &shard_id, HASH_ENTER, nullptr));
  none->table = nullptr;
  none->index = 0;
  return nullptr;
}

int LocalGroup() {
  if (!IsActive()) return kCoordinatorGroup;
  Generation* generation = CurrentGeneration();
  if (!generation->local_group_loaded) {
    generation->local_group = ReadLocalGroup();
    generation->local_group_loaded = true;
  }
  return generation->local_group;
}

void Refresh() { MarkStale(); }

void InvalidateMetadata() {
  MarkStale();
  if (IsActive()) CacheInvalidateRelcacheByRelid(DistRelations().partition);
}

void InvalidateTable(Oid relid) {
  InvalidateMetadata();
  if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid))) CacheInvalidateRelcacheByRelid(relid);
}

void Init() {
  RegisterXactCallback([](XactEvent event, void* arg) { OnTransactionEnd(event, arg); }, nullptr);
  CacheRegisterRelcacheCallback([](Datum arg, Oid relid) { OnRelationChange(arg, relid); }, 0);
  CacheRegisterSyscacheCallback(
      NAMESPACEOID, [](Datum arg, int cache, uint32 hash) { OnSchemaChange(arg, cache, hash); }, 0);
}

}  // namespace altius::catalog

/// Trigger on the tables that are cached: a change by hand reaches every backend, too.
ALTIUS_FUNCTION(altius_metadata_changed) {
  altius::catalog::InvalidateMetadata();
  PG_RETURN_POINTER(nullptr);
}

/// load_metadata(): fills this session's cache ahead of its first statement.
ALTIUS_FUNCTION(altius_load_metadata) {
  if (altius::catalog::IsActive()) (void)altius::catalog::AllTables();
  PG_RETURN_VOID();
}
