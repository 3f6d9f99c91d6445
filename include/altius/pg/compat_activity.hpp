// SPDX-License-Identifier: PostgreSQL
// Differences between PostgreSQL's major versions in what is known of other backends (compat.hpp has the rest).
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/backend_status.h"
}

namespace altius::pg {

/// Of the copy that pgstat_fetch_stat_numbackends() has counted, from 1 on.
inline const PgBackendStatus* BackendStatusAt(int index) {
#if PG_VERSION_NUM >= 160000
  const LocalPgBackendStatus* local = pgstat_get_local_beentry_by_index(index);
#else
  const LocalPgBackendStatus* local = pgstat_fetch_stat_local_beentry(index);
#endif
  return local == nullptr ? nullptr : &local->backendStatus;
}

}  // namespace altius::pg
