// SPDX-License-Identifier: PostgreSQL
// This node's side of checks that are kept back: rows whose constraints are still to be checked.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "nodes/execnodes.h"
}

namespace altius::task {

/// From here on, within this transaction, until CheckKeptRows; one within another.
void BeginKeepingRows();
/// Whether checks are kept back now.
bool KeepsRows();

/// Whether foreign keys, or deferrable unique constraints, may have to be checked when the table's rows change, on whatever node.
bool HasConstraintsOverRows(Oid relid);

/// The constraints' triggers of the statement, which has been started, do not fire: it is noted for which rows they would.
/// `leaves`: they go to another shard.  False: it is not kept back.
bool KeepRowsOf(QueryDesc* query, bool leaves);

/// The same for partitions that rows of an INSERT have come to, before its triggers fire.
void KeepRoutedRows(QueryDesc* query);

/// A row that was changed without the executor; null: there is no such row.
void KeepRow(Oid relid, ItemPointer old_row, ItemPointer new_row);

/// Fires the triggers of what was kept since the innermost BeginKeepingRows.
void CheckKeptRows();

void InitKeptRows();

}  // namespace altius::task
