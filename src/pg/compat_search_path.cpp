// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/search_path.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "utils/guc.h"
}

namespace altius::pg {

#if PG_VERSION_NUM < 170000

SearchPath PushCatalogSearchPath() {
  OverrideSearchPath path = {};
  path.addCatalog = true;
  PushOverrideSearchPath(&path);
  return {0};
}

void PopSearchPath(SearchPath) { PopOverrideSearchPath(); }

#else

SearchPath PushCatalogSearchPath() {
  const int nest_level = NewGUCNestLevel();
  set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  return {nest_level};
}

void PopSearchPath(SearchPath saved) { AtEOXact_GUC(true, saved.nest_level); }

#endif

}  // namespace altius::pg
