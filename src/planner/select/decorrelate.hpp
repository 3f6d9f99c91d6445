// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
}

namespace altius::planner {

/// Of the conjuncts of the query's WHERE, which run on the asking node: those that compare with an aggregate over rows elsewhere that
/// match the row (x < (SELECT avg(y) FROM t WHERE t.a = row.b)) get it from a join with the aggregates of all groups, computed once,
/// instead of once a row.  Whether there were any.
bool Decorrelate(Query *query, const List *conjuncts);

}  // namespace altius::planner
