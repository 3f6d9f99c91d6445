// SPDX-License-Identifier: PostgreSQL
// Writes to the pg_dist_* tables of this node.  Each has a twin SQL function in altius_internal (same name in snake case),
// so that the coordinator writes the same on every node inside one distributed transaction.
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::catalog {

int64 NextShardId();
int64 NextPlacementId();
int32 NextColocationId();
int32 NextNodeId();
int32 NextGroupId();

/// `key_column` is null unless partmethod is 'h'.
void InsertPartition(Oid relid, char partmethod, const char *key_column, int colocation, char repmodel);

/// Shards and their first placements, arrays of equal length; mins/maxs null for tables not cut by hash.
void InsertShards(Oid relid, int count, const int64 *ids, const int32 *mins, const int32 *maxs);
void InsertPlacements(int count, const int64 *placement_ids, const int64 *shard_ids, const int32 *groups);

void InsertColocation(int id, int shard_count, int replication_factor, Oid key_type, Oid key_collation);
void DeleteColocation(int id);

/// Rows of pg_dist_partition, pg_dist_shard and pg_dist_placement of the table.
void DeleteTable(Oid relid);

/// Marks an object as kept the same on all nodes (pg_dist_object); no-op when it is.
void InsertObject(Oid class_id, Oid object_id);
void DeleteObject(Oid class_id, Oid object_id);
bool IsDistributedObject(Oid class_id, Oid object_id);

}  // namespace altius::catalog
