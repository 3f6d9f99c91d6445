// SPDX-License-Identifier: PostgreSQL
// Colocation groups: which there are, and what keeps those who join them apart from those who change or remove them.
#include "altius/catalog/metadata.hpp"
#include "relations.hpp"

extern "C" {
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/inval.h"
}

namespace altius::catalog {
namespace {

// Classes of advisory locks; users' have 1 and 2, rebalance/registry.cpp has the neighbours.
constexpr uint16 kGroupLock = 0x4156;
constexpr uint16 kKindLock = 0x4157;

LOCKTAG TagOf(int colocation) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, static_cast<uint32>(colocation), kGroupLock);
  return tag;
}

bool IsOfKind(Relation relation, HeapTuple tuple, const ColocationKind& kind) {
  return DatumGetInt32(Column(relation, tuple, colocation::kShardCount)) == kind.shard_count &&
         DatumGetInt32(Column(relation, tuple, colocation::kReplication)) == kind.copies &&
         DatumGetObjectId(Column(relation, tuple, colocation::kType)) == kind.key_type &&
         DatumGetObjectId(Column(relation, tuple, colocation::kCollation)) == kind.key_collation;
}

bool HasRow(Oid table, Oid index, AttrNumber column, int colocation) {
  bool found = false;
  ScanKeyData key = Equal(column, F_INT4EQ, Int32GetDatum(colocation));
  Scan(table, index, &key, 1, AccessShareLock, [&](Relation, HeapTuple) {
    found = true;
    return false;
  });
  return found;
}

bool IsKeptForItself(int colocation) {
  return HasRow(DistRelations().own_colocation, DistRelations().own_colocation_by_id, own_colocation::kId, colocation);
}

}  // namespace

void LockColocation(int colocation, LOCKMODE mode) {
  const LOCKTAG tag = TagOf(colocation);
  (void)LockAcquire(&tag, mode, false, false);
  AcceptInvalidationMessages();
}

bool TryLockColocation(int colocation, LOCKMODE mode) {
  const LOCKTAG tag = TagOf(colocation);
  if (LockAcquire(&tag, mode, false, true) == LOCKACQUIRE_NOT_AVAIL) return false;
  AcceptInvalidationMessages();
  return true;
}

int FindColocation(const ColocationKind& kind) {
  int oldest = 0;
  Scan(DistRelations().colocation, InvalidOid, nullptr, 0, AccessShareLock, [&](Relation relation, HeapTuple tuple) {
    const int id = DatumGetInt32(Column(relation, tuple, colocation::kId));
    if ((oldest == 0 || id < oldest) && IsOfKind(relation, tuple, kind) && !IsKeptForItself(id)) oldest = id;
    return true;
  });
  return oldest;
}

bool ColocationExists(int colocation) {
  return HasRow(DistRelations().colocation, DistRelations().colocation_by_id, colocation::kId, colocation);
}

bool HasTables(int colocation) {
  return HasRow(DistRelations().partition, DistRelations().partition_by_colocation, partition::kColocation, colocation);
}

/// Kinds with the same hash wait for each other without need, no more.
void LockColocationKind(const ColocationKind& kind) {
  LOCKTAG tag;
  const uint32 rest[] = {static_cast<uint32>(kind.shard_count), static_cast<uint32>(kind.copies), kind.key_collation};
  const uint32 hash = hash_bytes(reinterpret_cast<const unsigned char*>(rest), sizeof(rest));
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, kind.key_type, hash, kKindLock);
  (void)LockAcquire(&tag, ExclusiveLock, false, false);
  AcceptInvalidationMessages();
}

}  // namespace altius::catalog
