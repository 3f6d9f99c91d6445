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

/// What has to be allowed for a relation.
struct Requirement {
  Oid relid;
  Oid role;  // who must have the rights: the owner of a view; InvalidOid: the current user
  AclMode rights;
};

/// Of one of the uses, and of all relations of a plan, in the order of the range table.
Requirement RequirementOf(const RelationUses &uses, int index);
void VisitRequirements(const PlannedStmt *plan, void (*visit)(const Requirement &requirement, void *data), void *data);

/// Calls `then` each time when rights on the relations of a statement have been checked and are there.  Once, from _PG_init.
void AfterPermissionCheck(void (*then)(List *range_table));

/// A relation of the query is checked as if this role used it.
void CheckAs(Query *query, RangeTblEntry *rte, Oid role);

/// These rights on the relation are not asked for, and don't count for which policies are added.
void RequireLess(Query *query, RangeTblEntry *rte, AclMode rights);

/// The columns that the statement assigns in the relation, as the user wrote it (numbers less FirstLowInvalidHeapAttributeNumber);
/// null when that is forgotten.
const Bitmapset *AssignedColumns(const Query *query, const RangeTblEntry *rte);

/// Whether the role has all of the rights on the table as a whole, and may use its schema.
bool MayUse(Oid relid, Oid role, AclMode rights);

}  // namespace altius::pg
