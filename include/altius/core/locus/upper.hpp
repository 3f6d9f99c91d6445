// SPDX-License-Identifier: PostgreSQL
// What stands above FROM, where FROM is one part: how much of it runs on each shard group.
#pragma once

#include "altius/core/locus/analysis.hpp"

namespace altius::core::locus {

/// A call of an aggregate in the level's result columns or HAVING.
struct Aggregate {
  /// How the result over all rows comes out of those over parts of them.
  enum class Combine : std::uint8_t {
    None,     // not at all
    Same,     // the same aggregate over the results
    Count,    // the sum of counts
    Average,  // the sum of sums by the sum of counts
  };
  Combine combine = Combine::None;
  bool distinct = false;  // over different values only
  bool ordered = false;
  bool filtered = false;
  int argument = kNone;        // of one argument: a number, the same for equal expressions
  Value distinct_key = kNone;  // and its value, compared as DISTINCT does
  const Condition* call = nullptr;
};

/// What the level computes above FROM; null: nothing of the kind.
struct Computed {
  const Condition* results = nullptr;  // result columns, and what ORDER BY and GROUP BY name
  const Condition* windows = nullptr;
  const Condition* having = nullptr;
  const Condition* limit = nullptr;   // the numbers of LIMIT and OFFSET
  const Condition* groups = nullptr;  // what GROUP BY names: null as well when it names nothing
  const Condition* grouped =
      nullptr;  // what result columns need of a group, where that can be cut off
  List<Aggregate> aggregates;
  bool aggregates_within = false;  // there are some in subqueries
  bool ungroupable = false;        // columns that depend on those of GROUP BY can't be grouped by
  bool readable = true;            // the asking node can read the result columns and sort them
  bool limited = false;            // LIMIT with a number
};

struct Upper {
  enum class Cut : std::uint8_t {
    From,     // shard groups give the rows of FROM
    Partial,  // for each group what they have of it, to be combined
    Values,   // for each group the different values of the aggregates' argument
    Groups,   // whole groups
    Results,  // the result columns
  };
  enum class Distinct : std::uint8_t { Above, Twice, There };
  Cut cut = Cut::From;
  Distinct distinct = Distinct::Above;
  bool top = false;  // of Results: no shard group gives more rows than LIMIT and OFFSET say
};

/// The part that a scope is, if it is one that runs on shard groups, with nothing left over; else
/// null.
const Part* OnlyPart(const Scope& scope);

/// `query` is being cut, `scope` its FROM and WHERE.
Upper UpperOf(Analysis* analysis, const Tree& tree, const Query& query, const Scope& scope,
              const Computed& computed);

/// Whether the rows of each group, of each partition of a window, or of which DISTINCT keeps one,
/// lie together.
bool GroupsLieTogether(const Query& query, const Scope& scope, const Part& part);
bool WindowsLieTogether(const Query& query, const Scope& scope, const Part& part);
bool DistinctLiesTogether(const Query& query, const Scope& scope, const Part& part);

}  // namespace altius::core::locus
