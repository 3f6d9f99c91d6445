// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/bounded_lock.hpp"

#include "altius/pg/compat_lock.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/resowner.h"
}

namespace altius::pg {

bool LockWithin(const LOCKTAG& tag, LOCKMODE mode, int ms) {
  const bool callers = LockTimeout > 0 && LockTimeout <= ms;
  char limit[16];
  snprintf(limit, sizeof(limit), "%d", std::max(ms, 1));
  ErrorData* error = Try([&] {
    if (!callers) {
      // Undone at the end of the subtransaction.
      set_config_option("lock_timeout", limit, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    }
    LockAcquire(&tag, mode, false, false);
  });
  if (error == nullptr) return true;
  if (callers || error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) ReThrowError(error);
  return false;
}

void UnlockEarly(const LOCKTAG& tag, LOCKMODE mode) {
  const ResourceOwner before = CurrentResourceOwner;
  CurrentResourceOwner = CurTransactionResourceOwner;  // the subtransaction of LockWithin has left it to this one
  (void)LockRelease(&tag, mode, false);
  CurrentResourceOwner = before;
}

namespace {

/// Null when nobody keeps the lock from others.  `prepared`: a prepared transaction does.
const char* PidsOf(const LOCKTAG& tag, LOCKMODE mode, bool* prepared) {
  int count = 0;
  const VirtualTransactionId* holders = GetLockConflicts(&tag, mode, &count);
  StringInfoData pids;
  initStringInfo(&pids);
  for (int i = 0; i < count; i++) {
    const int pid = PidOf(holders[i]);
    *prepared = *prepared || pid == 0;
    appendStringInfo(&pids, "%s%d", i == 0 ? "" : ",", pid);
  }
  return count == 0 ? nullptr : pids.data;
}

}  // namespace

const char* HoldersOf(const LOCKTAG& tag, LOCKMODE mode) {
  bool prepared = false;
  const char* pids = PidsOf(tag, mode, &prepared);
  if (pids == nullptr) return "Who held it has ended by now.";
  const char* sessions = FetchText(psprintf(
      "SELECT pg_catalog.string_agg(pg_catalog.concat('Process ', a.pid, ' of role ', pg_catalog.quote_ident(a.usename), "
      "' (' || a.state || ')', "
      "' for session ' || pg_catalog.substring(a.application_name, '^altius_internal gpid=(\\d+)')), ', ' ORDER BY a.pid) "
      "FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY ('{%s}')",
      pids));
  if (sessions == nullptr) return prepared ? "A prepared transaction holds it." : "Who held it has ended by now.";
  return psprintf("%s holds it%s.", sessions, prepared ? ", and so does a prepared transaction" : "");
}

void RaiseIfHeldFor(Oid relid, LOCKMODE mode, int ms) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
  bool prepared = false;
  const char* pids = PidsOf(tag, mode, &prepared);
  if (pids == nullptr) return;
  const char* pid = FetchText(psprintf(
      "SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY ('{%s}') "
      "AND a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %d / 1000.0) LIMIT 1",
      pids, ms));
  if (pid == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("process %s holds a lock for long", pid)));
}

void LockRelationWithin(Oid relid, LOCKMODE mode, int ms, const char* what) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
  if (ms <= 0) return LockRelationOid(relid, mode);
  if (LockWithin(tag, mode, ms)) return AcceptInvalidationMessages();
  ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not lock %s within %d ms", what, ms),
                  errdetail_internal("%s", HoldersOf(tag, mode)),
                  errhint("Try again when that transaction has ended; pg_terminate_backend() ends it.")));
}

}  // namespace altius::pg
