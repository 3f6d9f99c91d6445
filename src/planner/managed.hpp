// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// True when a relation that Altius manages is in the query or in one within it.
bool HasManagedTables(Query *query);

}  // namespace altius::planner
