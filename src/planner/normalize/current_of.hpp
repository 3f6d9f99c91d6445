// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// A cursor's query keeps the place of its row, as junk, where UPDATE ... WHERE CURRENT OF could ask for it.
void KeepRowPlace(Query *query, int cursor_options);

/// WHERE CURRENT OF a cursor on a distributed table becomes a comparison of (shard, ctid).
void SpellCurrentOf(Query *query);

}  // namespace altius::planner
