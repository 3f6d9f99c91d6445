// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::ddl {

/// Whether all nodes know the sequence: by itself, or because it belongs to a column of a
/// distributed table.
bool IsSharedSequence(Oid relid);

/// Installs the planner hook.
void InitSequences();

}  // namespace altius::ddl
