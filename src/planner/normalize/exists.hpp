// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// EXISTS asks for a row, not for what is in it: the subqueries of the query's EXISTS deliver no columns, where these have no say in how
/// many rows there are.  PostgreSQL computes none of them either.
void DropColumnsOfExists(Query *query);

}  // namespace altius::planner
