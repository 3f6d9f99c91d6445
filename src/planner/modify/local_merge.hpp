// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// The source of a MERGE into a table of this node becomes a subquery.
void IsolateSource(Query *merge);

}  // namespace altius::planner
