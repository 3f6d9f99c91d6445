// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
}

namespace altius::planner {

/// The plan of SELECT columns FROM leaf, made without PostgreSQL's planner; null when the query is anything more.
PlannedStmt *PlanAlone(Query *query);

}  // namespace altius::planner
