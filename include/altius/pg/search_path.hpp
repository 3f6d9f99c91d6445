// SPDX-License-Identifier: PostgreSQL
// A search path of pg_catalog alone for a while: every other name is then printed with its schema.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::pg {

/// Of sessions that nodes open on nodes: what texts for shards are read with.
inline constexpr const char* kNodesPath = "pg_catalog,pg_temp";

struct SearchPath {
  int nest_level;
};

/// To be paired with PopSearchPath; an error in between undoes it by itself.
SearchPath PushCatalogSearchPath();
void PopSearchPath(SearchPath saved);

}  // namespace altius::pg
