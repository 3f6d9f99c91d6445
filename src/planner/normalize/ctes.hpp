// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// CTEs that PostgreSQL would inline become subqueries, those that nobody reads go.
void InlineCtes(Query *query);

}  // namespace altius::planner
