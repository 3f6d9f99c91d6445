// SPDX-License-Identifier: PostgreSQL
// Whether a query's result depends on the order in which its rows come: copies of a reference table have the same rows, but not in the
// same order.
#pragma once

#include <cstdint>
#include <span>

namespace altius::core::evaluation {

/// Whether an ORDER BY compares a value, and whether values that are equal to it are identical: 1.0 and 1.00 are not, nor are 0 and -0, nor
/// texts that a collation does not tell apart.
enum class Sorted : std::uint8_t { No, Equal, Identical };

/// A call of an aggregate or a window function.
struct Call {
  enum class Takes : std::uint8_t {
    Values,      // count, sums of exact numbers: any order gives the same
    OneOfEqual,  // min, max: the first or the last of equal values
    Order,
  };
  Takes takes = Takes::Order;
  bool identical = false;               // of OneOfEqual: equal arguments are identical
  std::span<const Sorted> arguments{};  // by the aggregate's own ORDER BY
};

/// A query level and what stands above its FROM.
struct Level {
  std::span<const Sorted> columns{};  // what it gives, by its ORDER BY
  bool limited = false;               // LIMIT or OFFSET
  bool first_of_group = false;        // DISTINCT ON
  bool counts_rows = false;           // frames of windows go by rows
  bool one_of_equal = false;          // GROUP BY, DISTINCT or a set operation keeps one of values that are equal, but not identical
  bool array = false;                 // its rows become an array in their order
  std::span<const Call> calls{};
};

enum class Shows : std::uint8_t { Nothing, LimitTakesAny, FirstOfGroup, RowFrame, OneOfEqual, Array, Call };

/// By what the order of the rows that the level reads shows in its result.
Shows WhatShowsOrder(const Level& level);

}  // namespace altius::core::evaluation
