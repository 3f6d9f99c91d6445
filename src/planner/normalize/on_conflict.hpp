// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// ON CONFLICT ON CONSTRAINT by the constraint's columns: on the shards it has another name.
void SpellArbiter(Query *query);

/// The rewriter leaves the EXCLUDED of a view beside that of its table; only one may have the name.
void KeepOneExcluded(Query *query);

}  // namespace altius::planner
