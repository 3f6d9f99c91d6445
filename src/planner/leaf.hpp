// SPDX-License-Identifier: PostgreSQL
// Fragments as leaves of a query: a range table entry that PostgreSQL plans around, and its way into the plan.
#pragma once

#include "scope.hpp"

#include "altius/plan/fragment.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
}

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

/// altius_internal.shard_of(tableoid): the id of the shard that a row lies in.
Oid ShardOfFunction();

/// altius_internal.table_of(tableoid): the name of the table that a row of a shard belongs to.
Oid TableOfFunction();

/// A call of either: it can be answered only where the row lies.
bool IsPlaceCall(Node *expr);

/// INSERT of one row: every value that is not constant is computed here, once, and sent as an argument.  `key` is the
/// attribute number of the distribution column (0: none).
plan::Fragment *MakeInsertFragment(Query *insert, const Level *level, AttrNumber key, List **arguments);

/// A modification that the asking node runs as a statement of its own.
plan::Fragment *MakeStatementFragment(Query *statement, const Level *level, List **arguments);

/// The leaf's range table entry; `names` are its column names (of String).
RangeTblEntry *MakeLeaf(plan::Fragment *fragment, List *arguments, List *prunes, List *names);

/// SELECT every column FROM leaf, with the target entries' names and junk marks of `targets`.
Query *SelectFromLeaf(RangeTblEntry *leaf, List *targets);

/// For set_rel_pathlist_hook: replaces the paths of a leaf by a scan of its fragment; ignores other relations.
void PlanLeaf(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte);

/// The scan of a leaf's fragment, without a target list of its own.
CustomScan *MakeFragmentScan(RangeTblEntry *leaf, int rti);

/// The plan of SELECT columns FROM leaf, made without PostgreSQL's planner; null when the query is anything more.
PlannedStmt *PlanAlone(Query *query);

/// Whether the entry is a leaf.
bool IsLeaf(const RangeTblEntry *rte);

/// A column of the leaf at this range table index.
Var *LeafColumn(RangeTblEntry *leaf, int rti, int column);

}  // namespace altius::planner
