// SPDX-License-Identifier: PostgreSQL
// Functions that say where a row lies.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/primnodes.h"
}

namespace altius::planner {

/// A function of altius_internal with one argument, cached for the backend; oids change only when the extension is created anew.
Oid InternalFunction(const char *name, Oid type, Oid *cached);

/// altius_internal.shard_of(tableoid): the id of the shard that a row lies in.
Oid ShardOfFunction();

/// altius_internal.table_of(tableoid): the name of the table that a row of a shard belongs to.
Oid TableOfFunction();

/// altius_internal.update_row(relation, shard, ctid, old row, new row): src/trigger/move.cpp.
Oid UpdateRowFunction();

/// A call of either: it can be answered only where the row lies.
bool IsPlaceCall(Node *expr);

/// altius_internal.latest_ctid(shard, ctid): of what a row has become, where it lies.
Oid LatestFunction();
bool IsLatestCall(const Node *expr);

}  // namespace altius::planner
