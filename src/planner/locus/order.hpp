// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Whether another order of the rows that the query reads may give another result.  `array`: its rows become an array in their order.
bool DependsOnOrder(Query *query, bool array);

}  // namespace altius::planner
