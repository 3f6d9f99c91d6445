// SPDX-License-Identifier: PostgreSQL
// Differences between PostgreSQL's major versions in waiting and in process numbers (compat.hpp has
// the rest).
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

// Declared here because libpq/libpq.h needs headers of libraries that the server may be built with.
extern int pq_peekbyte(void);
extern void pq_startmsgread(void);
extern void pq_endmsgread(void);
#if PG_VERSION_NUM >= 170000
extern ssize_t pq_buffer_remaining_data(void);
#else
extern bool pq_buffer_has_data(void);
#endif
}

namespace altius::pg {

/// The type of the client's next message if some of it has arrived; 0 when there is none.
inline int NextClientMessage() {
#if PG_VERSION_NUM >= 170000
  if (MyProcPort == nullptr || pq_buffer_remaining_data() == 0) return 0;
#else
  if (MyProcPort == nullptr || !pq_buffer_has_data()) return 0;
#endif
  pq_startmsgread();
  const int type = pq_peekbyte();
  pq_endmsgread();
  return type;
}

/// A set of events that lives as long as the backend.
inline WaitEventSet* NewWaitEventSet(int events) {
#if PG_VERSION_NUM >= 170000
  return CreateWaitEventSet(nullptr, events);
#else
  return CreateWaitEventSet(TopMemoryContext, events);
#endif
}

/// The number of this backend's PGPROC.
inline int MyProcIndex() {
#if PG_VERSION_NUM >= 170000
  return MyProcNumber;
#else
  return MyProc == nullptr ? -1 : MyProc->pgprocno;
#endif
}

/// A wait event shown in pg_stat_activity: by name from 17 on, as "Extension" before.  `slot` keeps
/// the number.
inline uint32 NamedWaitEvent([[maybe_unused]] uint32* slot, [[maybe_unused]] const char* name) {
#if PG_VERSION_NUM >= 170000
  if (*slot == 0) *slot = WaitEventExtensionNew(name);
  return *slot;
#else
  return PG_WAIT_EXTENSION;
#endif
}

}  // namespace altius::pg
