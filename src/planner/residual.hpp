// SPDX-License-Identifier: PostgreSQL
// The last stage: what is left of a statement, leaves in the place of fragments.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
}

namespace altius::planner {

/// What PostgreSQL's planner is called with beside the query, and the planner that would be called without this one.
struct Request {
  const char *source;
  int cursor_options;
  ParamListInfo params;
  PlannedStmt *(*as_before)(Query *query, const Request &request);
};

/// The plan of a query of which no managed table is left.
PlannedStmt *PlanResidual(Query *query, const Request &request);

/// The same of rows that a modification is about: never the fast way, and no cursor goes back in it.
PlannedStmt *PlanRows(Query *query, const Request &request);

/// The same of a modification that is a leaf, or of what reads from it.
PlannedStmt *PlanChange(Query *query, const Request &request);

}  // namespace altius::planner
