// SPDX-License-Identifier: PostgreSQL
// The planner: cuts queries on managed tables into fragments and lets PostgreSQL plan the rest.
#pragma once

namespace altius::planner {

/// Installs the hooks.  From _PG_init.
void Init();

}  // namespace altius::planner
