// SPDX-License-Identifier: PostgreSQL
// A query that runs on a shard group as what the executor runs there.
#pragma once

#include "planner/level.hpp"

#include "altius/plan/fragment.hpp"

namespace altius::planner {

/// What restricts the shard groups of a fragment.
struct Reachable {
  bool pruned;
  List *prunes;
};

/// Which targets a leaf delivers when `query` is shipped: junk too, for what stands above may need it, but not where a plain
/// DISTINCT would take it for a result.  That is junk of GROUP BY and PARTITION BY, which nobody above needs.
List *DeliveredTargets(const Query *query);

/// Makes the fragment that runs `arm` on each shard group, with `upper` (may be null) above the arms of a node.
/// The result columns are those of `upper`, else of `arm` (junk columns included).
plan::Fragment *MakeFragment(Query *arm, Query *upper, const Level *level, Reachable reachable, List **arguments);

/// INSERT of one row: every value that is not constant is computed here, once, and sent as an argument.  `key` is the
/// attribute number of the distribution column (0: none).
plan::Fragment *MakeInsertFragment(Query *insert, const Level *level, AttrNumber key, List **arguments);

/// A modification that the asking node runs as a statement of its own.
plan::Fragment *MakeStatementFragment(Query *statement, const Level *level, List **arguments);

}  // namespace altius::planner
