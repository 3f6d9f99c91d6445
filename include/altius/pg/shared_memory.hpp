// SPDX-License-Identifier: PostgreSQL
// Parts of shared memory, asked for from _PG_init while the server starts.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "storage/lwlock.h"
}

namespace altius::pg {

struct SharedPart {
  const char *name;
  Size (*size)();                          // asked once, when the settings are known and nothing is laid out yet
  void (*take)(void *memory, bool fresh);  // fresh: zeroed, to be filled; also after a crash
  const char *tranche;                     // of one lock for it (SharedLock); null: none
};

/// Has no effect when the library is not loaded by shared_preload_libraries: `take` is never called then.
void RegisterShared(const SharedPart &part);

/// The lock of a part; from its `take` on.
LWLock *SharedLock(const char *tranche);

}  // namespace altius::pg
