// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace altius::planner {

/// Finds hash joins whose keys spare fragments rows that would find nothing in them, and tells the fragments
/// (altius/plan/key_filter.hpp).  Such a join is made to build its hash table first.
void AddKeyFilters(PlannedStmt *statement);

/// Registers the setting.
void InitKeyFilters();

}  // namespace altius::planner
