// SPDX-License-Identifier: PostgreSQL
// Which result columns are computed after ORDER BY and LIMIT, where shard groups give their first rows and the asking node takes the first
// of these: PostgreSQL computes volatile and costly columns for the rows that are left only.
#pragma once

#include <cstdint>

namespace altius::core::evaluation {

struct Selection {
  bool sorted = false;         // ORDER BY
  bool counted = false;        // LIMIT with a number
  bool distinct = false;       // compares its result columns
  bool set_returning = false;  // a result column gives several rows
};

struct ResultColumn {
  bool compared = false;  // by ORDER BY, GROUP BY or DISTINCT, or for these alone
  bool plain = false;     // a column as it is
  bool subquery = false;  // how costly it is only its plan tells
  bool is_volatile = false;
  bool costly = false;  // PostgreSQL's measure
};

enum class Late : std::uint8_t { No, Volatile, Costly };

/// No: shard groups may compute it, of their first rows or of all, as PostgreSQL does.
Late WhyLate(const Selection& selection, const ResultColumn& column);

}  // namespace altius::core::evaluation
