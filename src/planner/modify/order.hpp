// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// The modifications in WITH that must run before others, since these change what they read: names, in their order.  All
/// parts of a statement see the state before it; where no order does that, reads are added to WITH.
List* ModificationsFirst(Query* query);

/// Values that subqueries of the statement compute are not sent to nodes as arguments of reads: what waits for them would read
/// after the modifications in WITH.
void KeepValuesHere(Query* query);

}  // namespace altius::planner
