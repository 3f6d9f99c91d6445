// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "shipping.hpp"

namespace altius::planner {

/// MERGE whose rows may match in any shard: the asking node joins the source with the target's rows, decides what becomes of each, and
/// computes the new ones.  `source` is the range table index of the only source, a subquery;
/// `keeping` has the numbers (from 1) of the actions that leave each row in its shard.
void ShipMergeByRows(Shipping *shipping, int source, const Bitmapset *keeping);

}  // namespace altius::planner
