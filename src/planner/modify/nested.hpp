// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "planner/level.hpp"

namespace altius::planner {

/// The rows of the INSERT come from this query now: the range table index that it got.
int ReplaceSource(Query *insert, Query *select);

/// Makes an INSERT ... SELECT/VALUES printable: the deparser expects the target list to be the source's columns, one by one,
/// which the rewriter has changed (defaults, order).  The source becomes SELECT <target expressions> FROM <former source>.
void SpellSource(Query *insert);

/// SELECT from a leaf that runs the modification (of a CTE of level->parent) as a statement of its own on this node.
Query *NestedModification(Query *query, const Level *level, int place_among_first);

}  // namespace altius::planner
