// SPDX-License-Identifier: PostgreSQL
// Where floor txn hooks into PostgreSQL: transaction callbacks, waits, the error on its way to the
// client.
#include "altius/pg/bridge.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "acknowledge.hpp"
#include "askers.hpp"
#include "identity.hpp"
#include "maintenance.hpp"
#include "participants.hpp"
#include "stop_point.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
}

namespace altius::txn {

namespace {

emit_log_hook_type previous_emit_log = nullptr;
object_access_hook_type previous_object_access = nullptr;

/// Nothing may leave a callback that runs after the outcome is decided: whatever goes wrong, the
/// connections are closed and recovery does the rest.
void Quietly(void (*body)()) {
  try {
    pg::Call(body);
    return;
  } catch (...) {
  }
  for (int i = 0; i < remote::ConnectionCount(); i++)
    remote::Close(remote::ConnectionAt(i), "transaction end failed");
  WakeMaintenance();
  ForgetParticipants();
  ForgetOwnTransaction();
  ForgetVictim();
}

void OnTransaction(XactEvent event, void*) {
  pg::Entry([&] {
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) ForgetAsker();
    switch (event) {
      case XACT_EVENT_PRE_COMMIT:
        PreCommit();
        break;
      case XACT_EVENT_COMMIT:
        Quietly([] { AfterCommit(XactLastCommitEnd); });
        break;
      case XACT_EVENT_ABORT:
        Quietly(AfterAbort);
        break;
      case XACT_EVENT_PRE_PREPARE:
        BeforeUserPrepare();
        break;
      case XACT_EVENT_PREPARE:
        // The record's end is not known here; standbys that have some of it have all, or are asked for no more.
        Quietly([] { AfterCommit(ProcLastRecPtr + 1); });
        break;
      default:
        break;
    }
  });
}

void OnSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (current.count == 0 && current.constraint_modes == nullptr) return;
  pg::Entry([&] {
    const int level = GetCurrentTransactionNestLevel();
    if (event == SUBXACT_EVENT_COMMIT_SUB) CommitSubtransaction(level);
    if (event == SUBXACT_EVENT_ABORT_SUB) AbortSubtransaction(level);
  });
}

/// A victim that waited for a lock outside of our own code: its client still learns why it was
/// cancelled.
void OnLog(ErrorData* error) {
  if (error->elevel == ERROR && error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
      CancelledByDeadlock()) {
    error->sqlerrcode = ERRCODE_T_R_DEADLOCK_DETECTED;
    error->message = const_cast<char*>(
        "canceling the transaction since it was involved in a distributed deadlock");
  }
  if (previous_emit_log != nullptr) previous_emit_log(error);
}

void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void* arg) {
  if (previous_object_access != nullptr) {
    previous_object_access(access, class_id, object_id, sub_id, arg);
  }
  if (access == OAT_DROP && class_id == DatabaseRelationId) StopMaintenance(object_id);
}

}  // namespace

void Init() {
  InitShared();
  DefineIdentitySettings();
  DefineCommitSetting();
  DefineStopPointSetting();
  InitMaintenance();
  RegisterXactCallback(OnTransaction, nullptr);
  RegisterSubXactCallback(OnSubtransaction, nullptr);
  remote::wait_hook = RaiseIfDeadlockVictim;
  previous_emit_log = emit_log_hook;
  emit_log_hook = OnLog;
  previous_object_access = object_access_hook;
  object_access_hook = OnObjectAccess;
}

}  // namespace altius::txn
