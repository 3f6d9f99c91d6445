// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "shipping.hpp"

namespace altius::planner {

/// MERGE: its source's rows go to the shards by what ON compares the distribution column with, where a shard can decide by itself;
/// else rows that match are found first.
void ShipMerge(Shipping *shipping);

}  // namespace altius::planner
