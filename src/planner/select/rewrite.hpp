// SPDX-License-Identifier: PostgreSQL
// Query -> residual query with fragments as leaves.
#pragma once

#include "planner/fragment/fragment.hpp"

namespace altius::planner {

/// Rewrites the (normalized) SELECT and every query in it, in place, until no managed table is left in a live place.
void Rewrite(Query *query, const Level *parent);

/// Rewrites the queries within `query` (subqueries, CTEs, sublinks), `level` being its own.
void RewriteInner(const Level *level);

/// Replaces the query by SELECT * FROM leaf.
void BecomeLeaf(Query *query, const Level *level, Reachable reachable);

}  // namespace altius::planner
