// SPDX-License-Identifier: PostgreSQL
// How many rows a leaf has, and what is known of its columns, from the statistics of the tables in it (floor statistics).
#pragma once

#include "altius/plan/fragment.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "utils/selfuncs.h"
}

namespace altius::planner {

/// The rows that all nodes deliver, from what PostgreSQL's planner estimates for the tables as a whole; negative when one of them was never
/// analysed.
double EstimateRows(const plan::Fragment &fragment);

/// Rows of the one table that the fragment reads; of several the estimated rows.
double EstimateTuples(const plan::Fragment &fragment, double rows);

/// For get_relation_stats_hook: the statistics of the table's column that the leaf's column is; false when it is none.
bool FindColumnStatistics(const plan::Fragment &fragment, AttrNumber column, VariableStatData *found);

/// For get_relation_stats_hook, on the node that has the shards: a column of their UNION ALL has the statistics of the table's column.
bool FindArmStatistics(const PlannerInfo *root, const RangeTblEntry *rte, AttrNumber column, VariableStatData *found);

/// For get_relation_info_hook: the size of a shell is that of the table.
void SetSize(Oid relid, RelOptInfo *rel);

/// Whether a plan is being made only for its estimates: it reads shells, and is never run.
bool IsEstimating();

}  // namespace altius::planner
