// SPDX-License-Identifier: PostgreSQL
// pg_dist_cleanup: what an operation makes is written down, and committed, before it is made.  The record goes when the
// thing is gone, or in the transaction that makes it a lasting part of the cluster.
#include "move.hpp"

extern "C" {
#include "storage/lock.h"
#include "utils/builtins.h"
}

namespace altius::rebalance {

namespace {

constexpr uint16 kOperationLock = 0x4154;  // PostgreSQL's own advisory locks have 1 and 2 here
constexpr uint16 kShardGroupLock = 0x4155;
constexpr uint16 kSplitLock = 0x4158;  // catalog/colocation.cpp has those between

LOCKTAG Tag(int64 key, uint16 kind) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(key >> 32), static_cast<uint32>(key), kind);
  return tag;
}

}  // namespace

int64 NextOperation(remote::Connection* registry) {
  const char* number =
      remote::FetchValue(registry, "SELECT pg_catalog.nextval('pg_catalog.pg_dist_operationid_seq')");
  return strtoll(number, nullptr, 10);
}

void Register(const Move& move, Resource type, int group, const char* name, Policy policy) {
  remote::Execute(move.registry,
                  psprintf("INSERT INTO pg_catalog.pg_dist_cleanup (operation_id, object_type, object_name, "
                           "node_group_id, policy_type) VALUES (" INT64_FORMAT ", %d, %s, %d, %d)",
                           move.operation, static_cast<int>(type), quote_literal_cstr(name), group,
                           static_cast<int>(policy)));
}

void Unregister(const Move& move, Resource type) {
  remote::Execute(move.registry, psprintf("DELETE FROM pg_catalog.pg_dist_cleanup WHERE operation_id = " INT64_FORMAT
                                          " AND object_type = %d",
                                          move.operation, static_cast<int>(type)));
}

void LockOperation(int64 operation) {
  const LOCKTAG tag = Tag(operation, kOperationLock);
  (void)LockAcquire(&tag, ShareLock, false, false);
}

bool TryLockIdleOperation(int64 operation) {
  const LOCKTAG tag = Tag(operation, kOperationLock);
  return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void LockShardGroup(const Move& move) {
  int64 lowest = move.members[0].shard_id;
  for (const Member& member : move.members) lowest = std::min(lowest, member.shard_id);
  const LOCKTAG tag = Tag(lowest, kShardGroupLock);
  if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                  errmsg("shard %lld is being moved or split already", static_cast<long long>(lowest)),
                  errhint("SELECT * FROM get_rebalance_progress() shows what moves.")));
}

void LockSplitOf(int colocation) {
  if (colocation == 0) return;
  const LOCKTAG tag = Tag(colocation, kSplitLock);
  (void)LockAcquire(&tag, ExclusiveLock, false, false);
  catalog::LockColocation(colocation, catalog::kChangesColocation);
}

}  // namespace altius::rebalance
