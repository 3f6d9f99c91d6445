// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "shipping.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace altius::planner {

/// The plan node that runs `child`, which computes the rows, and has the shards take them.  `computed`: what RETURNING computes of the
/// columns that the statement returns; NIL: nothing.
CustomScan *MakeShipNode(Shipping *shipping, PlannedStmt *child, List *computed);

}  // namespace altius::planner
