// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// The INSERT that does what the UPDATE of the distribution column asks for.  It changes one row for
/// each that the UPDATE would.
Query *MoveRows(const Query *update, const catalog::Table &table);

}  // namespace altius::planner
