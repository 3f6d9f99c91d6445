// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Whether RETURNING has what no shard may compute: volatile functions, those that read what only this node has.
bool IsComputedHere(Query *query);

/// Then the query returns columns, and subqueries that shards compute, instead, and the result is the target list to compute of them, its
/// columns being of relation 1.  Else NIL.
List *SplitReturning(Query *query);

/// Where it is in a subquery, the modification becomes one in WITH that returns columns, from which a SELECT computes what RETURNING
/// gives; the statement that does the same.
Query *ComputeReturningAbove(Query *query);

}  // namespace altius::planner
