// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "shipping.hpp"

namespace altius::planner {

/// What shards run for rows that get another key.
struct MoveStatements {
  Query *leave;
  Query *arrive;
};

/// UPDATE that may change the distribution column.
MoveStatements ShipMove(Shipping *shipping);

}  // namespace altius::planner
