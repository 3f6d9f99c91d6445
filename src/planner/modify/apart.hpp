// SPDX-License-Identifier: PostgreSQL
// What a modification in WITH reads, read before any other one of the statement runs: a SELECT in WITH, whose rows it gets.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// The root of a partition, the table itself else.
Oid RootOf(Oid relid);

/// The modification reads rows of the table (a root) as they are before the statement.
void ReadBefore(Query *query, CommonTableExpr *modification, Oid table);

/// The modification changes only rows of its target that are there before the statement, and that nobody has changed since.
void ChangeOnlyOld(Query *query, CommonTableExpr *modification);

/// Whether no row can be changed by both of these UPDATEs of one table.
bool AreDisjoint(const Query *one, const Query *other);

/// Whether the SELECT in WITH is such a read: it runs where it stands, once.
bool IsReadBefore(const CommonTableExpr *cte);

}  // namespace altius::planner
