// SPDX-License-Identifier: PostgreSQL
// Rows of the target that the asking node has read, and how a shard finds them again.
#pragma once

#include "altius/pg/array.hpp"
#include "shipping.hpp"

namespace altius::planner {

/// A column by which a shard finds the row again.
struct Match {
  AttrNumber attribute;
  int column;  // of the shipped rows
  Var *var;    // of the target
};

/// Adds to the rows by what their row of the target is found: its place, or the primary key where copies differ in places.  Says how many
/// columns are shipped, so it comes last.
pg::Array<Match> AddMatches(Shipping *shipping);

/// altius_internal.shard_of(the row of the target).
Node *ShardOfRow(const Shipping &shipping);

/// Whether rows of the target are known by their places, which they keep as long as they are locked.
bool HasPlaces(const catalog::Table &table);

/// The condition of the shard's statement, for shipped rows with this range table index.
Node *IsMatch(const Shipping &shipping, const pg::Array<Match> &matches, int rti);

/// FOR UPDATE OF the relation.
void LockRows(Query *query, int rti);

/// left <name> right, left = right, by PostgreSQL's own operators
Node *Compare(const char *name, Node *left, Node *right);
Node *Equals(Node *left, Node *right);

}  // namespace altius::planner
