// SPDX-License-Identifier: PostgreSQL
// Settings, where PostgreSQL's major versions differ: looking at all of them, and what check hooks hand to assign hooks
// (compat.hpp has the rest).
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/guc.h"
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

struct WantedByName {
  const char* name;
  config_generic* found;
};

/// Null when there is none.
inline config_generic* FindSetting(const char* name) {
  WantedByName wanted = {name, nullptr};
  VisitSettings(
      [](config_generic* setting, void* data) {
        auto* by_name = static_cast<WantedByName*>(data);
        if (pg_strcasecmp(setting->name, by_name->name) == 0) by_name->found = setting;
      },
      &wanted);
  return wanted.found;
}

/// The time-outs that end a session's transaction, or the session, while it waits for whoever asked it.
inline constexpr const char* kTimeouts[] = {"statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout",
#if PG_VERSION_NUM >= 170000
                                            "transaction_timeout"
#endif
};

/// What a check hook may give to its assign hook as `extra`: PostgreSQL frees it.  Null, with a message in the log, when there is
/// no memory.
inline void* AllocateExtra(size_t size) {
#if PG_VERSION_NUM >= 160000
  return guc_malloc(LOG, size);
#else
  return malloc(size);
#endif
}

}  // namespace altius::pg
