// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Where RETURNING has what no shard may compute (volatile functions, those that read what only this node has): the query returns
/// the columns instead, and the result is the target list to compute of them, its columns being of relation 1.  Else NIL.
List *SplitReturning(Query *query);

}  // namespace altius::planner
