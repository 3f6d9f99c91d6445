// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// WITH CHECK OPTION of views that a modification of the table goes through becomes part of the values that it writes.
/// Raises feature_not_supported where a condition can't be told from these values.
void SpellViewChecks(Query *query, const catalog::Table &table);

}  // namespace altius::planner
