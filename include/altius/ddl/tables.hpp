// SPDX-License-Identifier: PostgreSQL
// Making tables distributed and back, and making shards.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/ddl/table_commands.hpp"

namespace altius::ddl {

/// Moves the rows that the table holds on this node into its shards (the table is distributed by
/// then).  The table itself is emptied afterwards by the caller.  Connected by entry to ingest.
void SetRowMover(void (*mover)(Oid relid));

/// Creates the shards of the table that belong on this node and are missing, after the shell
/// table's example. `parts` as for TableCommands.
void CreateLocalShards(const catalog::Table& table, int parts);

/// Creates one shard on this node.
void CreateShard(const catalog::Table& table, int index, int parts);

/// The commands (for RunCommands) that give another node this table: shell, metadata, shards (with these
/// parts), foreign keys.
List* InstallCommands(const catalog::Table& table, int parts);

/// Runs utility commands and SELECTs one after another on this node, past this extension's own
/// handling of DDL.
void RunCommands(List* commands);

/// `SELECT altius_internal.run_commands(...)`: one message for all of them.
char* RunCommandsText(List* commands);

struct DistributeOptions {
  const char* key;  // column; null: single-shard table (or reference table)
  bool reference;
  const char* colocate_with;  // 'default', 'none' or a table
  int shard_count;            // 0: not given
};

void Distribute(Oid relid, const DistributeOptions& options);

/// Distributes the table anew in another way; what is not given (null, 0) stays.
void AlterDistributed(Oid relid, const DistributeOptions& wanted);

/// Makes it a local table of the coordinator again, rows included.
void Undistribute(Oid relid);

}  // namespace altius::ddl
