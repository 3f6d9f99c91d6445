// SPDX-License-Identifier: PostgreSQL
// Modifications whose rows are computed first, by any plan, and then sent to the shards they belong to.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "planner/residual.hpp"

namespace altius::planner {

/// Plan of a modification of `table` that does not run beside the data; `computed` is what SplitReturning gave.
PlannedStmt *PlanMove(Query *query, const catalog::Table &table, const Request &request);
PlannedStmt *PlanShipping(Query *query, const catalog::Table &table, List *computed, const Request &request);

}  // namespace altius::planner
