// SPDX-License-Identifier: PostgreSQL
// Statements on shards that lie on this node: run in-process through SPI, with no connection to
// itself.
#pragma once

#include "altius/task/lending.hpp"
#include "altius/task/rows.hpp"

extern "C" {
#include "utils/snapshot.h"
}

namespace altius::task {

enum class LocalMode {
  Read,   // under the snapshot of the query that asks
  Lock,   // SELECT ... FOR UPDATE and the like: under a new snapshot
  Write,  // this transaction has written here
};

struct LocalStatement {
  const char* sql;
  int arg_count;
  const Oid* arg_types;
  const Datum* arg_values;
  const bool* arg_nulls;
  LocalMode mode;
  Snapshot snapshot;  // of the query that asks, for Read
  bool keep_plan;     // the same text will come again: its plan is cached in this session
  Lending lending = {};
};

/// Runs the statement, adds its rows to the store (null: they are thrown away) and returns the rows
/// affected; kMoved (ownership.hpp) when it did nothing, for a shard does not lie here any more.
int64 RunHere(const LocalStatement& statement, RowStore* store);

}  // namespace altius::task
