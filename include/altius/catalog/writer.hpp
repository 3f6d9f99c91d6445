// SPDX-License-Identifier: PostgreSQL
// Writes to the pg_dist_* tables of this node.  Each has a twin SQL function in altius_internal
// (same name in snake case), so that the coordinator writes the same on every node inside one
// distributed transaction.
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::catalog {

int64 NextShardId();
int64 NextPlacementId();
int32 NextColocationId();
int32 NextNodeId();
int32 NextGroupId();

/// `key_column` is null unless partmethod is 'h'.
void InsertPartition(Oid relid, char partmethod, const char* key_column, int colocation,
                     char repmodel);

/// Shards and their first placements, arrays of equal length; mins/maxs null for tables not cut by
/// hash.
void InsertShards(Oid relid, int count, const int64* ids, const int32* mins, const int32* maxs);
void InsertPlacements(int count, const int64* placement_ids, const int64* shard_ids,
                      const int32* groups);

/// Placements of these shards in group `from` are in group `to` from now on.
void MovePlacements(int count, const int64* shard_ids, int32 from, int32 to);

/// A part of a shard that is split.
struct ShardPart {
  int64 parent;
  int64 id;
  int32 min;
  int32 max;
  int32 group;
  int64 placement;
};

/// In the place of the parents, shards of one group with all their parts, are the parts from now on.  A parent's table on
/// this node is a stray one from now on, its parts' tables are not.
void SplitShards(int count, const ShardPart* parts);

/// The table of a shard that the metadata does not have (altius_stray_shard).
void InsertStray(int64 shard_id, Oid relid);
void DeleteStray(int64 shard_id);

/// The relation of a row in pg_dist_partition as it is written: its partmethod and repmodel.
struct Method {
  char partmethod;
  char repmodel;
};
Method MethodOf(TableKind kind);

void InsertColocation(int id, int shard_count, int replication_factor, Oid key_type,
                      Oid key_collation);
/// No table joins the group that does not name one of it.
void KeepColocationForItself(int id);
void DeleteColocation(int id);

/// Rows of pg_dist_partition, pg_dist_shard and pg_dist_placement of the table.
void DeleteTable(Oid relid);

/// Marks an object as kept the same on all nodes (pg_dist_object); no-op when it is.
void InsertObject(Oid class_id, Oid object_id);
void DeleteObject(Oid class_id, Oid object_id);
bool IsDistributedObject(Oid class_id, Oid object_id);

/// The statements that do the same on another node, where the object has another oid (palloc'd
/// text).
char* InsertObjectCommand(Oid class_id, Oid object_id);
char* DeleteObjectCommand(Oid class_id, Oid object_id);

/// The statements that write all that this node knows about the table on another node, where the
/// table exists but is not managed yet: calls of the twins of InsertPartition, InsertShards,
/// InsertPlacements.
List* TableCommands(const Table& table);

/// As much for a colocation group.
char* ColocationCommand(int id);

}  // namespace altius::catalog
