// SPDX-License-Identifier: PostgreSQL
// Brings a query into the form that the analysis reads: no join alias columns, CTEs used once inlined, row security as
// subqueries.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Changes the query and all queries in it, in place.
void Normalize(Query *query);

}  // namespace altius::planner
