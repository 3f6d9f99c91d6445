// SPDX-License-Identifier: PostgreSQL
// Aggregates in two steps: partial ones on each node over the rows of its shards, final ones over the partial results.
#pragma once

#include "planner/locus/scope.hpp"
#include "planner/nodes/column_map.hpp"

namespace altius::planner {

/// How the final result comes out of partial ones.
enum class Combine : uint8_t {
  Same,     // the same aggregate over the partial results: sum, min, max, bool_and, bit_or, ...
  Count,    // sum of counts
  Average,  // sum of sums / sum of counts; two partial results
};

struct SplitAggregate {
  Aggref *aggregate;
  Combine combine;
  int column;  // of the leaf: the (first) partial result
};

struct AggregateSplit {
  const Scope *scope;
  const Part *part;
  Query *query;
  Columns inputs;       // of the arms: group expressions, aggregate arguments, filters; rti 1 in the upper query
  Columns outputs;      // of the leaf, in terms of the level's expressions (partial aggregates as Aggrefs)
  List *upper_targets;  // target list of the upper query
  List *upper_groups;
  bool upper_has_aggregates;
  pg::Array<SplitAggregate> aggregates;
  bool dedup;           // every aggregate is DISTINCT over one expression: nodes send distinct values
};

/// Fills inputs, outputs and the upper query's lists; false when some aggregate can't be split.
bool PlanAggregates(AggregateSplit *split);

/// The level's expression over the leaf's columns: group expressions and final aggregates.
Node *FinalExpr(AggregateSplit *split, Node *expr);

}  // namespace altius::planner
