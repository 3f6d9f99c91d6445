// SPDX-License-Identifier: PostgreSQL
// Query -> residual query with fragments as leaves.
#pragma once

#include "leaf.hpp"

namespace altius::planner {

/// Rewrites the (normalized) SELECT and every query in it, in place, until no managed table is left in a live place.
void Rewrite(Query *query, const Level *parent);

/// Rewrites the queries within `query` (subqueries, CTEs, sublinks), `level` being its own.
void RewriteInner(const Level *level);

/// Cuts FROM and WHERE of the level into leaves.
void CutParts(const Level *level, Scope *scope);

/// For a level whose FROM runs whole: what stands above is done as far as possible beside the data.
/// False when nothing of it can be (then CutParts serves).
bool SplitUpper(const Level *level, Scope *scope);

/// A query over one part: its join tree and conditions, with no target list yet.
Query *ArmOf(Query *query, const Part &part);

/// What was the source of an INSERT or the target of an UPDATE is read like anything else now: the deparser would leave it out.
void PrintAll(Query *query);

/// The source of a MERGE into a table of this node becomes a subquery.
void IsolateSource(Query *merge);

/// A subquery in FROM, with its columns' names.
RangeTblEntry *SubqueryEntry(Query *subquery, const char *alias);

/// Range table indexes of relations and joins in a join tree or a list of its nodes.
Bitmapset *IndexesIn(Node *nodes);

/// What of the join tree is gone is gone from the range table too.
void BlankUnused(Query *query);

/// Replaces the query by SELECT * FROM leaf.
void BecomeLeaf(Query *query, const Level *level, Reachable reachable);

/// Functions whose queries were put in the place of their calls: what the plan depends on.
struct InlinedFunctions {
  List *dependencies;  // for PlannedStmt::invalItems
  bool depends_on_role;
};

/// The query, or a copy in which calls of SQL functions that read managed tables are subqueries.
Query *InlineFunctions(Query *query, InlinedFunctions *inlined);

/// True when a relation that Altius manages is in the query or in one within it.
bool HasManagedTables(Query *query);

}  // namespace altius::planner
