// SPDX-License-Identifier: PostgreSQL
// Behind ANALYZE.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// The tables among these (VacuumRelation), and their partitions, get statistics of their own, made of those of their shards; those
/// that the user may not ANALYZE don't.
void RefreshStatistics(List* relations);

}  // namespace altius::ddl
