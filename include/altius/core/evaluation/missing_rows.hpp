// SPDX-License-Identifier: PostgreSQL
// Which rows of a fragment need not come: those whose value in a column is none of the keys on the other side of a hash join above.
//
// They may be missing where (1) the join drops rows of their side that are without a partner, and (2) each step between the fragment
// and the join, given its input without them, gives the same rows with these keys, and of the others some and no new ones: a row of an
// outer join whose partner is missing might raise an error in what stands between.  (2) composes: a step may lack what the one before it
// lacks.
#pragma once

#include <cstdint>

namespace altius::core::evaluation {

/// What a node of a plan does with rows.  Joins are named by what is kept of the outer (left) and inner (right) side.
enum class Step : std::uint8_t {
  InnerJoin,
  LeftJoin,
  RightJoin,
  FullJoin,
  SemiJoin,      // outer rows with a partner
  AntiJoin,      // outer rows without one
  Pass,          // filters, sorts, projects row by row
  Group,         // one row a group
  Window,        // each row knows of others of its partition
  FirstRows,     // LIMIT
};

/// An input; of (2) the one whose column the result has.
enum class Side : std::uint8_t { Outer, Inner };

/// (1): whether rows of that side that find nothing make no difference to the join.
bool DropsWithoutKey(Step join, Side side);

/// (2), for a column of the result that is a column of that input unchanged; `partition`: groups or partitions are made by it.
bool MayLackRows(Step step, Side side, bool partition);

}  // namespace altius::core::evaluation
