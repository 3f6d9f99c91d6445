// SPDX-License-Identifier: PostgreSQL
// Fragments as leaves of a query: a range table entry that PostgreSQL plans around, and its way into the plan.
#pragma once

#include "altius/plan/fragment.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "utils/selfuncs.h"
}

namespace altius::planner {

/// The leaf's range table entry; `names` are its column names (of String).
RangeTblEntry *MakeLeaf(plan::Fragment *fragment, List *arguments, List *prunes, List *names);

/// SELECT every column FROM leaf, with the target entries' names and junk marks of `targets`.
Query *SelectFromLeaf(RangeTblEntry *leaf, List *targets);

/// For set_rel_pathlist_hook: replaces the paths of a leaf by a scan of its fragment; ignores other relations.
void PlanLeaf(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte);

/// For get_relation_stats_hook: what is known of the leaf's column; false for other relations, and when nothing is.
bool LeafStatistics(const RangeTblEntry *rte, AttrNumber column, VariableStatData *found);

/// The scan of a leaf's fragment, without a target list of its own.
CustomScan *MakeFragmentScan(RangeTblEntry *leaf, int rti);

/// Whether the entry is a leaf.
bool IsLeaf(const RangeTblEntry *rte);

/// A column of the leaf at this range table index.
Var *LeafColumn(RangeTblEntry *leaf, int rti, int column);

}  // namespace altius::planner
