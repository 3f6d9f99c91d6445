// SPDX-License-Identifier: PostgreSQL
// The launcher: one process that starts the maintenance workers.  After a start it lets each
// database be looked at once, later it is told by the first backend that uses the extension.
#include "launcher.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/txn/shared.hpp"
#include "shared_state.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

namespace {

constexpr int kStarting = -1;  // as DatabaseSlot::worker
constexpr int64 kStartTimeoutUs = 10 * USECS_PER_SEC;
constexpr long kIdleMs = 60000;
constexpr long kBusyMs = 500;

uint32 launcher_event = 0;

void ConsiderAllDatabases() {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  Relation relation = table_open(DatabaseRelationId, AccessShareLock);
  TableScanDesc scan = table_beginscan_catalog(relation, 0, nullptr);
  for (HeapTuple tuple = heap_getnext(scan, ForwardScanDirection); tuple != nullptr;
       tuple = heap_getnext(scan, ForwardScanDirection)) {
    Form_pg_database form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    if (!form->datallowconn || form->datistemplate) continue;
    SpinLockAcquire(&shared->lock);
    DatabaseSlot* slot = SlotOfDatabase(form->oid, true);
    if (slot != nullptr && slot->worker == 0) slot->wanted = true;
    SpinLockRelease(&shared->lock);
  }
  table_endscan(scan);
  table_close(relation, AccessShareLock);
  PopActiveSnapshot();
  CommitTransactionCommand();
}

bool StartWorker(Oid database) {
  BackgroundWorker worker = {};
  snprintf(worker.bgw_name, BGW_MAXLEN, "altius maintenance worker for database %u", database);
  snprintf(worker.bgw_type, BGW_MAXLEN, "altius maintenance worker");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "altius");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "altius_maintenance_main");
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

/// The next database that needs a worker now; InvalidOid when none does.  `*pending`: some will
/// later.
Oid NextWanted(bool* pending) {
  const TimestampTz now = GetCurrentTimestamp();
  Oid database = InvalidOid;
  SpinLockAcquire(&shared->lock);
  for (DatabaseSlot& slot : shared->databases) {
    if (slot.database == InvalidOid) continue;
    if (slot.worker == kStarting && now > slot.not_before)
      slot = DatabaseSlot{};  // never came up: the database is gone
    if (slot.worker != 0 || !slot.wanted) continue;
    *pending = true;
    if (now < slot.not_before || database != InvalidOid) continue;
    database = slot.database;
    slot.worker = kStarting;
    slot.not_before = now + kStartTimeoutUs;
  }
  SpinLockRelease(&shared->lock);
  return database;
}

void NotStarted(Oid database) {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(database, false);
  if (slot != nullptr && slot->worker == kStarting) {
    slot->worker = 0;
    slot->not_before = GetCurrentTimestamp() + 5 * USECS_PER_SEC;
  }
  SpinLockRelease(&shared->lock);
}

void Resign(int, Datum) {
  SpinLockAcquire(&shared->lock);
  shared->launcher = nullptr;
  SpinLockRelease(&shared->lock);
}

void LauncherMain() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  before_shmem_exit(Resign, 0);
  SpinLockAcquire(&shared->lock);
  shared->launcher = MyLatch;
  SpinLockRelease(&shared->lock);
  ConsiderAllDatabases();
  pgstat_report_activity(STATE_IDLE, nullptr);
  for (;;) {
    bool pending = false;
    for (Oid database = NextWanted(&pending); database != InvalidOid;
         database = NextWanted(&pending)) {
      if (!StartWorker(database)) {
        NotStarted(database);
        break;
      }
    }
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pending ? kBusyMs : kIdleMs,
              pg::NamedWaitEvent(&launcher_event, "AltiusLauncher"));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
  }
}

}  // namespace

void RegisterLauncher() {
  BackgroundWorker worker = {};
  snprintf(worker.bgw_name, BGW_MAXLEN, "altius launcher");
  snprintf(worker.bgw_type, BGW_MAXLEN, "altius launcher");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = 5;
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "altius");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "altius_launcher_main");
  RegisterBackgroundWorker(&worker);
}

void StopMaintenance(Oid database) {
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(database, false);
  if (slot != nullptr) slot->not_before = GetCurrentTimestamp() + 10 * USECS_PER_SEC;
  const int worker = slot != nullptr && slot->worker > 0 ? slot->worker : 0;
  SpinLockRelease(&shared->lock);
  if (worker != 0) kill(worker, SIGTERM);
  for (int i = 0; i < shared->backend_count; i++) {
    BackendSlot* backend = &shared->backends[i];
    SpinLockAcquire(&backend->lock);
    const bool idle_for_others = backend->pid != 0 && backend->database == database &&
                                 backend->origin != 0 && !backend->id.IsValid();
    const int pid = backend->pid;
    SpinLockRelease(&backend->lock);
    if (idle_for_others) kill(pid, SIGTERM);
  }
}

}  // namespace altius::txn

extern "C" {
ALTIUS_EXPORT void altius_launcher_main(Datum arg);
}

void altius_launcher_main(Datum) {
  altius::pg::Entry([] { altius::txn::LauncherMain(); });
}
