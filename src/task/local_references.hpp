// SPDX-License-Identifier: PostgreSQL
// Tables of this node alone may refer to a reference table.  Their foreign keys' triggers stand on the table, which has no rows here; the
// rows are in this node's copy of it.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
}

namespace altius::task {

/// Whether tables of this node alone refer to the reference table of which it is the copy.
bool IsReferredLocally(Oid copy);

/// What is done to rows of the copy is done to those of the table, as far as foreign keys of local tables are concerned.  Before the target
/// has fired any trigger; in the current memory context.  False: nothing refers to it.
bool FollowLocalReferences(ResultRelInfo* copy, int instrument);

/// The same of all targets of a statement that has been started.
void FollowLocalReferencesOf(QueryDesc* query);

/// Whether a statement that a foreign key runs must fire its triggers itself: the statement around it does not know those that are in
/// no catalog.
bool FiresForLocalReferences(const PlannedStmt* statement);

}  // namespace altius::task
