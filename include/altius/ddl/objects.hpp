// SPDX-License-Identifier: PostgreSQL
// What a node needs before it can hold the cluster's tables, as texts (char *, palloc'd) that
// another node runs as superuser in the order given, in one transaction that is marked as internal
// (so nothing is propagated again).
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// Roles of users with their passwords as they are stored, as JSON for altius_internal.make_role; null when there are none.  Texts of
/// commands have no passwords: logs and views show those.
const char* StoredPasswords();

/// Everything a new node lacks that has its roles (make_role): extensions, what roles are and may do, schemas, types, functions,
/// sequences, shell tables with their foreign keys, views, and the rows of pg_dist_object.  No pg_dist_partition, _shard, _placement,
/// _colocation, _schema rows: floor cluster writes them afterwards.  Running them where some objects exist already does no harm.
List* ObjectCommands();

/// Makes the (empty) shard on another node: table, indexes, access; without foreign keys.  The node
/// has the shell table and the metadata of the table (not necessarily this placement) by then: the
/// shard is made after the shell's example.
List* ShardCommands(const catalog::Table& table, int64 shard_id);

/// The foreign keys of that shard, to be run when all shards they refer to are there and filled.
List* ShardForeignKeyCommands(const catalog::Table& table, int64 shard_id);

/// What the relation depends on and other nodes do not have yet; notes that they have it from now
/// on.
List* MissingDependencyCommands(Oid relid);

}  // namespace altius::ddl
