// SPDX-License-Identifier: PostgreSQL
// Modifications whose rows are computed first, by any plan, and then sent to the shards they belong to.
#pragma once

#include "modify.hpp"

#include "altius/catalog/metadata.hpp"

namespace altius::planner {

/// Plan of a modification of `table` that does not run beside the data.
PlannedStmt *PlanShipping(Query *query, const catalog::Table &table, const char *source, int cursor_options,
                          ParamListInfo params);

/// Makes an INSERT ... SELECT/VALUES printable: the deparser expects the target list to be the source's columns, one by one,
/// which the rewriter has changed (defaults, order).  The source becomes SELECT <target expressions> FROM <former source>.
void SpellSource(Query *insert);

/// SET (a, b) = (SELECT ...) of an UPDATE whose target list a SELECT is to compute: the subquery moves to FROM.
void SpellMultiAssignments(Query *update);

/// SELECT from a leaf that runs the modification (of a CTE of level->parent) as a statement of its own on this node.
Query *NestedModification(Query *query, const Level *level);

}  // namespace altius::planner
