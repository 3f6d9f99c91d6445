// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// ctids are compared together with the shards of their rows.  Raises feature_not_supported where that can't be done.
void CompareRowPlaces(Query *query);

}  // namespace altius::planner
