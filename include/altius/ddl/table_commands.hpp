// SPDX-License-Identifier: PostgreSQL
// The commands that make a table again, read from the catalogs of this node with every name
// qualified.  The same texts make shell tables on other nodes and, after their names were extended
// by a shard id, the shards.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// What TableCommands is asked for; combine with |.
enum TablePart : int {
  kTable = 1,  // CREATE TABLE, owner, storage of columns, CHECK constraints
  kIndexes =
      2,  // PRIMARY KEY, UNIQUE, EXCLUDE, indexes, statistics objects, replica identity, CLUSTER ON
  kAttach = 4,        // ALTER TABLE parent ATTACH PARTITION
  kAccess = 8,        // row level security with its policies; of shards the privileges too
  kForeignKeys = 16,  // those the table declares itself (not inherited ones)
  kTriggers = 32,
  kComments = 64,
  kSequences = 128,  // OWNED BY of sequences
  kTrusted = 256,     // with kForeignKeys, for shards: the rows are known to satisfy them
  kPrivileges = 512,  // of a shell table
  kShell = kTable | kIndexes | kAttach | kAccess | kPrivileges | kTriggers | kComments | kSequences,
  kShard = kTable | kIndexes | kAttach | kAccess | kTriggers,
};

/// Texts (char *, palloc'd) in the order in which they must run.
List* TableCommands(Oid relid, int parts);

}  // namespace altius::ddl
