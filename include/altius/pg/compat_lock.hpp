// SPDX-License-Identifier: PostgreSQL
// Locks and who holds them, over PostgreSQL's major versions.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/procsignal.h"
#include "storage/sinvaladt.h"
}

namespace altius::pg {

/// The process of a virtual transaction; 0 when it is gone or a prepared one.
inline int PidOf(const VirtualTransactionId& id) {
#if PG_VERSION_NUM >= 170000
  if (id.procNumber == INVALID_PROC_NUMBER) return 0;
  const PGPROC* process = ProcNumberGetProc(id.procNumber);
#else
  if (id.backendId == InvalidBackendId) return 0;
  const PGPROC* process = BackendIdGetProc(id.backendId);
#endif
  return process == nullptr ? 0 : process->pid;
}

/// Makes an idle session run an empty transaction: what it does at the end of one it does soon.
inline void NudgeSession(int pid) {
#if PG_VERSION_NUM >= 170000
  (void)SendProcSignal(pid, PROCSIG_CATCHUP_INTERRUPT, INVALID_PROC_NUMBER);
#else
  (void)SendProcSignal(pid, PROCSIG_CATCHUP_INTERRUPT, InvalidBackendId);
#endif
}

/// Whether this transaction holds the lock in just this mode.
inline bool HoldsLock(const LOCKTAG& tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, mode, false);
#else
  return LockHeldByMe(&tag, mode);
#endif
}

}  // namespace altius::pg
