// SPDX-License-Identifier: PostgreSQL
// Applies a stream of changes to tables of this node.  One stream a session, from OpenStream to
// EndApply, over several transactions: each call of ApplyChanges works in the current one.  Whole
// transactions of the source may end up in pieces: nobody reads the tables yet, and after an error
// everything begins anew.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/pg/array.hpp"
#include "stream.hpp"

namespace altius::rebalance {

/// --- apply.cpp ---
/// Connects to the source and makes the slot; the name of the snapshot.
char* BeginApply(int source, const char* slot);

/// Rows of the source's table `schema.name` go to `target`.  With `table`, the distributed table
/// that both are shards of, only those whose distribution value hashes to min .. max: a source's
/// table may have many such routes, and rows for which there is none are passed over.
void AddRoute(const char* schema, const char* name, Oid target, Oid table, int32 min, int32 max);

/// All routes are known, and the tables have what they need to find rows (indexes).
void StartApply(const char* slot, const char* publication);

/// Applies until everything committed before `until` in the source's log is here, or `max_ms` have
/// passed.  Returns the position before which nothing is missing.  `in_haste`: without regard for
/// the bandwidth limit.
uint64 ApplyChanges(uint64 until, int max_ms, bool in_haste, int64* changes);

void EndApply();

/// Forgets the stream when its transaction fails.  From Init.
void InitApply();

}  // namespace altius::rebalance
