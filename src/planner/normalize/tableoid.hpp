// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// tableoid of what the query reads becomes that of the table that the row's shard belongs to.
void SpellTableOids(Query *query);

}  // namespace altius::planner
