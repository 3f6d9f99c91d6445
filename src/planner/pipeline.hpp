// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "residual.hpp"

namespace altius::planner {

/// The plan of any statement but a utility one; the query is left as it is.
PlannedStmt *PlanStatement(Query *original, const Request &request);

}  // namespace altius::planner
