// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "shipping.hpp"

namespace altius::planner {

/// MERGE: its source's rows go to the shards by what ON compares the distribution column with.
/// Raises feature_not_supported where there is no such thing, and where what is done to a row depends on rows elsewhere.
void ShipMerge(Shipping *shipping);

}  // namespace altius::planner
