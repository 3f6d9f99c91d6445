// SPDX-License-Identifier: PostgreSQL
// Shards as they will be after a split, as one session sees them; and tables of shards that the metadata does not have.
#include "altius/catalog/metadata.hpp"
#include "cache.hpp"
#include "relations.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace altius::catalog {
namespace {

ForeseenShard* foreseen = nullptr;
int foreseen_count = 0;

/// Also the placement is foreseen: it points into `foreseen`.
Shard AsShard(const ForeseenShard& part) {
  Shard shard{};
  shard.id = part.id;
  shard.min = part.min;
  shard.max = part.max;
  shard.groups = &part.group;
  shard.group_count = 1;
  return shard;
}

}  // namespace

void Foresee(int count, const ForeseenShard* shards) {
  // What was foreseen before stays allocated: tables of older generations may point to it.
  foreseen = static_cast<ForeseenShard*>(
      MemoryContextAlloc(TopMemoryContext, sizeof(ForeseenShard) * std::max(count, 1)));
  std::copy(shards, shards + count, foreseen);
  foreseen_count = count;
  MarkStale();
}

void ForgetForeseen() {
  if (foreseen_count == 0) return;
  foreseen_count = 0;
  MarkStale();
}

pg::Array<ForeseenShard> Foreseen(int64 parent) {
  pg::Array<ForeseenShard> parts;
  for (int i = 0; i < foreseen_count; i++) {
    if (foreseen[i].parent == parent) parts.push_back(foreseen[i]);
  }
  return parts;
}

int64 ForeseenParent(int64 id) {
  for (int i = 0; i < foreseen_count; i++) {
    if (foreseen[i].id == id) return foreseen[i].parent;
  }
  return id;
}

void ApplyForeseen(pg::Array<Shard>* shards) {
  if (foreseen_count == 0) return;
  pg::Array<Shard> result;
  for (const Shard& shard : *shards) {
    bool replaced = false;
    for (int i = 0; i < foreseen_count; i++) {
      if (foreseen[i].parent != shard.id) continue;
      result.push_back(AsShard(foreseen[i]));
      replaced = true;
    }
    if (!replaced) result.push_back(shard);
  }
  *shards = result;
}

Oid RelationOfStray(int64 shard_id) {
  Oid relid = InvalidOid;
  ScanKeyData key = Equal(stray::kId, F_INT8EQ, Int64GetDatum(shard_id));
  Scan(DistRelations().stray, DistRelations().stray_by_id, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         relid = DatumGetObjectId(Column(relation, tuple, stray::kRelid));
         return false;
       });
  return relid;
}

}  // namespace altius::catalog
