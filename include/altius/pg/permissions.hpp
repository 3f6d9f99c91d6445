// SPDX-License-Identifier: PostgreSQL
// Relations of a statement, carried from the query to its plan: for permission checks, locks and plan invalidation.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
}

namespace altius::pg {

/// The entry is not checked any more where it stands.
void ForgetPermissions(RangeTblEntry *rte);

/// Nor any of the query's own, which may be planned by PostgreSQL: from 16 on a relation must have an entry that asks for nothing.
void ForgetPermissions(Query *query);

/// Every relation that the query and the queries in it name, with what is to be checked about it; taken before any rewrite.
struct RelationUses {
  List *entries;      // of RangeTblEntry
  List *permissions;  // of RTEPermissionInfo or null, from PostgreSQL 16 on
};
RelationUses CollectRelations(Query *query);

/// Puts them at the end of the plan's range table.
void AppendRelations(PlannedStmt *plan, const RelationUses &uses);

}  // namespace altius::pg
