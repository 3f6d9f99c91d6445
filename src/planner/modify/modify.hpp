// SPDX-License-Identifier: PostgreSQL
// INSERT, UPDATE, DELETE and MERGE on managed tables.
#pragma once

#include "planner/level.hpp"
#include "planner/residual.hpp"

namespace altius::planner {

/// The plan of a (normalized) statement whose target Altius manages.
PlannedStmt* PlanModification(Query* query, const Request& request);

/// A modifying CTE on a managed table becomes SELECT ... FROM leaf, the leaf doing the work; on
/// other tables only what it reads is rewritten.
void RewriteModifyingCte(CommonTableExpr* cte, const Level* level);

/// A modification of a table that Altius does not manage, with sources that it does.
void RewriteLocalModification(Query* query, const Level* level);

}  // namespace altius::planner
