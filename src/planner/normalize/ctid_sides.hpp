// SPDX-License-Identifier: PostgreSQL
// Ctids of rows of distributed tables, wherever in a statement they get to, and the shards of these rows.
#pragma once

#include "altius/core/ctid/compare.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Where the row of a ctid lies, as an expression; of which table it is.
struct Place {
  Oid relid;
  Node *shard;
};

/// A column of a table in the range table that is its row's ctid.
bool IsCtid(Node *node);

/// A table of several shards, or with copies.
bool IsSpread(const RangeTblEntry *rte);

/// What the expression is as far as ctids are concerned: one itself, a column that hands one on, the only row of a subquery that does.
/// `levels`: the queries around it, innermost first.  Whether its shard can be had is not looked for.
core::ctid::Side SideOf(Node *expr, List *levels);

/// Whether column `number` (from 1) of the query's result is a row's ctid.
bool HandsOn(Query *query, int number, List *levels, bool *one_shard);

/// Adds a column with the shard to the subqueries on the way.  A row of an outer query is not followed: its place is not known where
/// the inner one runs.
Place PlaceOf(Node *expr, List *levels);

/// Whether each row of the query is a row of its FROM.
bool KeepsRows(const Query *query);

/// The column of the subquery that has this expression, added behind those that are no junk.
int ColumnWith(Query *subquery, Node *expr);

}  // namespace altius::planner
