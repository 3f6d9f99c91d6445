// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/array.hpp"
#include "shipping.hpp"

namespace altius::planner {

/// A MERGE that the asking node decides, row by row.
struct RowMerge {
  Shipping *shipping;
  Query *query;
  int target;  // range table indexes
  int source;
  const Bitmapset *keeping;  // numbers of the actions that leave each row in its shard
  int pair;           // that the query would have if it stood in FROM: what its columns are is computed of target and source
  bool lone_source;   // rows of either side that match nothing count
  bool lone_target;
  List *moving;                   // numbers of actions that may change the distribution column
  pg::Array<AttrNumber> columns;  // of their new rows: the first that are shipped
};

constexpr int kAction = 1;  // the column of a pair that says what to do, 0: nothing

/// What its rows are described with: a constant, the action chosen for a pair, CASE with branches (null where none is taken).
Node *CountOf(int number);
Node *ActionOf(const RowMerge &merge);
CaseWhen *When(Node *condition, Node *result);
Node *Case(List *branches);

/// The rows, which were described in terms of target and source: SELECT ... FROM pairs WHERE action > 0.
void ReadPairs(const RowMerge &merge);

}  // namespace altius::planner
