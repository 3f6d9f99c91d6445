// SPDX-License-Identifier: PostgreSQL
#include "residual.hpp"

#include "planner/fragment/alone.hpp"
#include "planner/fragment/key_filters.hpp"
#include "managed.hpp"

namespace altius::planner {

namespace {

/// A managed table in a live place would be read as the empty shell that it is here: never silently.
PlannedStmt *PlanAsBefore(Query *query, const Request &request) {
  if (HasManagedTables(query)) elog(ERROR, "a distributed table was left in the plan");
  PlannedStmt *plan = request.as_before(query, request);
  AddKeyFilters(plan);
  return plan;
}

Request WithoutScroll(const Request &request) {
  Request result = request;
  result.cursor_options &= ~CURSOR_OPT_SCROLL;
  return result;
}

}  // namespace

PlannedStmt *PlanResidual(Query *query, const Request &request) {
  PlannedStmt *plan = (request.cursor_options & CURSOR_OPT_SCROLL) != 0 ? nullptr : PlanAlone(query);
  return plan != nullptr ? plan : PlanAsBefore(query, request);
}

PlannedStmt *PlanRows(Query *query, const Request &request) { return PlanAsBefore(query, WithoutScroll(request)); }

PlannedStmt *PlanChange(Query *query, const Request &request) { return PlanResidual(query, WithoutScroll(request)); }

}  // namespace altius::planner
