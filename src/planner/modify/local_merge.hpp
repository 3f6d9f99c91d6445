// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Whether rows of the target that no row of the source matches count.
bool HasActionForMissingSource(const Query *merge);

/// The source of a MERGE into a table of this node becomes a subquery.
void IsolateSource(Query *merge);

}  // namespace altius::planner
