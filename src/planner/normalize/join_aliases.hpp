// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Columns of joins become those of the joined relations; the names of joins go.
void FlattenAliases(Query *query);

}  // namespace altius::planner
