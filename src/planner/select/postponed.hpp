// SPDX-License-Identifier: PostgreSQL
// Result columns that PostgreSQL computes after ORDER BY and LIMIT: those that are volatile, or costly.  Shard groups that give their
// first rows would compute them for rows that are none of the first ones, with errors and effects that there must not be.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

struct Postponed {
  List *targets;  // the query's, as they were
  List *late;     // of int: the numbers of those that are postponed
};

/// Leaves them out of the query, which gets what they are computed of as junk columns instead.  False, with nothing changed: there are
/// none.
bool PostponeColumns(Query *query, Postponed *postponed);

/// The query as it was.
void RestoreColumns(Query *query, const Postponed &postponed);

/// Of a query whose result columns are those of the relation, which delivers `below`: computes them there.
void ComputePostponed(Query *query, const Postponed &postponed, const List *below, int rti);

}  // namespace altius::planner
