// SPDX-License-Identifier: PostgreSQL
// Rows of one shard, on their way from one node to another.  Both sides work for a superuser, on tables that users made: rows are
// read by a scan and the output functions of types, where nothing of a user's is called, and written as the table's owner, for
// constraints, generated columns, expressions of indexes and checks of domains are users' code.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/pg/quiet_rows.hpp"

extern "C" {
#include "commands/copy.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"
}

namespace altius::ingest {

/// The shard's table on this node.  Raises an error unless it is a plain table of the owner of the distributed table: who may
/// give the name to something else shall gain nothing.
Relation OpenShard(const catalog::Table& table, const catalog::Shard& shard, LOCKMODE lock);

/// Rows in a format of COPY's into the table, as its owner: they were in the table before, so no trigger fires and nothing is
/// checked but uniqueness, and foreign keys where they have to hold.  The number of rows.
uint64 FillTable(Relation relation, List* columns, List* options, copy_data_source_cb read, pg::Keys keys = pg::Keys::Trusted);

/// Rows as lines of COPY, with all columns that are stored and not generated.  `line` has its end.
using LineConsumer = void (*)(StringInfo line, void* argument);
void ReadLines(Relation relation, Snapshot snapshot, LineConsumer consume, void* argument);

/// A COPY statement of ours: the rows of a shard whose distribution value hashes into a range.
char* CopyPartCommand(const char* shard, const char* columns, const catalog::Table& table, const catalog::Shard& part, bool binary);

}  // namespace altius::ingest
