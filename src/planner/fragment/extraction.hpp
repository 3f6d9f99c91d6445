// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "planner/locus/conditional.hpp"
#include "planner/level.hpp"

namespace altius::planner {

/// What is taken out of the query of a fragment.
struct Extraction {
  const Level *level;
  List *arguments;
  List *types;
  List *queries;  // of Query: those around the node, innermost first
  int depth;      // queries below the fragment's own
  bool constants_too;  // of operators: statements that differ in them only are the same to the node, which keeps their plan
  bool one_row;   // INSERT of one row: its values are arguments, volatile ones too
  AttrNumber key;
  int key_argument;
  Guards guards;
  bool here;  // a statement that this node runs
};

/// A copy of the query as a node runs it: what the asking node computes is an argument $n.
Query *Extract(Query *query, Extraction *extraction);

}  // namespace altius::planner
