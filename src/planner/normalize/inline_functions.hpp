// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Functions whose queries were put in the place of their calls: what the plan depends on.
struct InlinedFunctions {
  List *dependencies;  // for PlannedStmt::invalItems
  bool depends_on_role;
};

/// The query, or a copy in which calls of SQL functions that read managed tables are subqueries.
Query *InlineFunctions(Query *query, InlinedFunctions *inlined);

}  // namespace altius::planner
