// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Whole rows of subqueries that hand ctids on, spelled out: these may get a column for the shard, which is no part of their rows.
void SpellRowsWithCtids(Query *query);

}  // namespace altius::planner
