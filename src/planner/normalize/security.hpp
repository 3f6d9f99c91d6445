// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Conditions of security barrier views on the table that is changed: no statement can say them but in WHERE, where one that could
/// tell of hidden rows comes after them.  Policies of the table itself hold on its shards, too.
void SpellBarriers(Query *query);

/// Tables with row security become subqueries that read the rows it allows.
void WrapSecuredTables(Query *query);
/// The same in all of its queries: a target whose rows are read elsewhere than where they are changed is a table like any other there.
void WrapSecuredTargets(Query *query);

}  // namespace altius::planner
