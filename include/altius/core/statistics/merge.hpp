// SPDX-License-Identifier: PostgreSQL
// Statistics of a table, made of those that ANALYZE has found of its parts.  Values are ranks: equal values have one
// rank, and ranks are in the values' order.
#pragma once

#include <vector>

namespace altius::core::statistics {

struct Common {
  int value;
  double fraction;  // of all rows, null ones too

  friend bool operator==(const Common &, const Common &) = default;
};

/// What pg_statistic has of one column, in the same units: fractions are of all rows; `distinct` is a number of values, or negative
/// a share of the rows; 0: not known.  `bounds` ascend and cut the rows that are neither null nor common into parts of equal size;
/// fewer than two are none.
struct Column {
  double rows;  // of the part
  double null_fraction;
  double width;  // in bytes, on average, of values that are not null
  double distinct;
  std::vector<Common> common;
  std::vector<int> bounds;
  double correlation;
};

/// What is wanted of the whole.
struct Target {
  bool disjoint;  // no value is in two parts: the column decides where a row lies
  int common;     // at most so many common values
  int buckets;    // at most so many parts between bounds
};

/// The number of different values in `rows` rows (not null) of parts, of which part i has `rows[i]` with `distinct[i]` different
/// ones.  Values that lie in several parts are taken to be spread over them at random: then U values of which n rows are drawn show
/// U (1 - exp(-n / U)) different ones, and U is found from what the parts have shown.  At least the greatest of the parts'
/// numbers, at most their sum.
double DistinctValues(const std::vector<double> &rows, const std::vector<double> &distinct, bool disjoint);

/// Parts without rows don't count.  Without any `rows` is 0 and nothing else is known.
Column Merge(const std::vector<Column> &parts, const Target &target);

}  // namespace altius::core::statistics
