// SPDX-License-Identifier: PostgreSQL
// Looking at all settings, which differs between PostgreSQL's major versions (compat.hpp has the rest).
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/guc_tables.h"
}

namespace altius::pg {

inline void VisitSettings(void (*visit)(config_generic* setting, void* data), void* data) {
#if PG_VERSION_NUM >= 160000
  int count;
  config_generic** all = get_guc_variables(&count);
#else
  const int count = GetNumConfigOptions();
  config_generic** all = get_guc_variables();
#endif
  for (int i = 0; i < count; i++) visit(all[i], data);
#if PG_VERSION_NUM >= 160000
  pfree(all);
#endif
}

}  // namespace altius::pg
