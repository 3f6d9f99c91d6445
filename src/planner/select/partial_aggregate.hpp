// SPDX-License-Identifier: PostgreSQL
// Aggregates in two steps: partial ones on each node over the rows of its shards, final ones over the partial results.
#pragma once

#include "planner/locus/scope.hpp"
#include "planner/nodes/column_map.hpp"

namespace altius::planner {

struct SplitAggregate {
  Aggref *aggregate;
  locus::Aggregate::Combine combine;
  int column;  // of the leaf: the (first) partial result
};

struct AggregateSplit {
  Query *query;
  Columns inputs;       // of the arms: group expressions, aggregate arguments, filters; rti 1 in the upper query
  Columns outputs;      // of the leaf, in terms of the level's expressions (partial aggregates as Aggrefs)
  List *upper_targets;  // target list of the upper query
  List *upper_groups;
  pg::Array<SplitAggregate> aggregates;
};

/// The level's own aggregates, each once; *within: there are some in subqueries, too.
List *AggregatesOf(Query *query, bool *within);

/// As core/locus wants to know it.
locus::Aggregate DescribeAggregate(Aggref *aggregate, List *all, Translation *translation);

/// Fills inputs, outputs and the upper query's lists: groups, and partial results of the aggregates.
void PlanPartialAggregates(AggregateSplit *split);

/// The same with the different values of the aggregates' one argument in place of partial results.
void PlanValues(AggregateSplit *split, List *aggregates);

/// The level's expression over the leaf's columns: group expressions and final aggregates.
Node *FinalExpr(AggregateSplit *split, Node *expr);

}  // namespace altius::planner
