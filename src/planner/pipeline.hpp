// SPDX-License-Identifier: PostgreSQL
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

/// The plan of any statement but a utility one; the query is left as it is.
PlannedStmt *PlanStatement(Query *original, const Request &request);

}  // namespace altius::planner
