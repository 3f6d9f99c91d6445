// SPDX-License-Identifier: PostgreSQL
// One generation of the cache: what was read since the last invalidation.  It lives in a memory
// context of its own; when it gets stale a new one is begun and the old one is freed at the end of
// the transaction.
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "utils/hsearch.h"
}

namespace altius::catalog {

struct TableEntry {
  Oid relid;           // hash key
  const Table* table;  // null: known not to be managed
};

struct ShardEntry {
  int64 id;            // hash key
  const Table* table;  // null: known not to exist
  int index;
};

/// Whether a relation of this node may be used: a shard that lies elsewhere may not.
struct RelationEntry {
  Oid relid;  // hash key
  bool elsewhere;
};

struct Generation {
  Generation* next;  // in the list of stale ones
  MemoryContext context;
  HTAB* tables;
  HTAB* shards;
  HTAB* relations;
  bool nodes_loaded;
  Node* nodes;
  int node_count;
  bool local_group_loaded;
  int local_group;
};

/// The valid generation; makes one when there is none.  Only while IsActive().
Generation* CurrentGeneration();

/// Reads the table's rows into memory of the generation; null when the relation is not managed.
const Table* LoadTable(Generation* generation, Oid relid);
void LoadNodes(Generation* generation);
int ReadLocalGroup();

/// Raises nothing: also called when a transaction aborts.
void ForgetForeseen();

/// Puts foreseen shards in the place of those they are parts of (foresee.cpp).
void ApplyForeseen(pg::Array<Shard>* shards);

/// The table of a shard that is not in the metadata, but on this node (altius_stray_shard).
Oid RelationOfStray(int64 shard_id);

/// Marks the cache as stale; safe anywhere, also in invalidation callbacks.
void MarkStale();

/// Forgets where the pg_dist_* tables are and whether they exist.
void ForgetRelations();

}  // namespace altius::catalog
