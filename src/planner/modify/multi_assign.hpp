// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// SET (a, b) = (SELECT ...) of an UPDATE whose target list a SELECT is to compute: the subquery moves to FROM.
void SpellMultiAssignments(Query *update);

}  // namespace altius::planner
