// SPDX-License-Identifier: PostgreSQL
#include "wait_edges.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/remote/budget_waits.hpp"
#include "altius/txn/shared.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

namespace {

constexpr int64 kNodeFactor = INT64CONST(10000000000);

struct Waiter {
  int pid;            // of the leader, for parallel workers
  TransactionId xid;  // the transaction it waits for, when it waits for one as a whole
};

/// Reads without locks: a hint, whoever is named is looked at again.
pg::Array<Waiter> FindWaiters() {
  pg::Array<Waiter> waiters;
  const TimestampTz old_enough = GetCurrentTimestamp() - static_cast<int64>(DeadlockTimeout) * 1000;
  for (uint32 i = 0; i < ProcGlobal->allProcCount; i++) {
    PGPROC* proc = &ProcGlobal->allProcs[i];
    if (proc->pid == 0 || proc->databaseId != MyDatabaseId) continue;
    const LOCK* lock = proc->waitLock;
    const TimestampTz since = static_cast<TimestampTz>(pg_atomic_read_u64(&proc->waitStart));
    if (lock == nullptr || since == 0 || since > old_enough) continue;
    const PGPROC* leader = proc->lockGroupLeader;
    const LOCKTAG tag = lock->tag;
    waiters.push_back(Waiter{
        leader != nullptr ? leader->pid : proc->pid,
        tag.locktag_type == LOCKTAG_TRANSACTION ? tag.locktag_field1 : InvalidTransactionId});
  }
  return waiters;
}

core::TransactionId IdOfBackend(int pid) {
  const BackendEntry entry = FindBackend(pid);
  if (entry.pid != 0 && entry.id.IsValid()) return entry.id;
  core::TransactionId id;
  id.number = kNoNumber;
  id.group = catalog::LocalGroup();
  id.pid = pid;
  if (entry.pid != 0 && entry.origin >= kNodeFactor) {
    const catalog::Node* node = catalog::FindNode(static_cast<int>(entry.origin / kNodeFactor));
    if (node != nullptr) {
      id.group = node->group;
      id.pid = static_cast<int>(entry.origin % kNodeFactor);
    }
  }
  return id;
}

/// The distributed transaction behind a prepared one; not valid when it is none of ours.
core::TransactionId IdOfPrepared(TransactionId xid) {
  core::TransactionId id;
  if (!TransactionIdIsValid(xid)) return id;
  SPI_connect();
  const char* sql = psprintf(
      "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE transaction = '%u'::pg_catalog.xid", xid);
  if (SPI_execute(sql, true, 1) == SPI_OK_SELECT && SPI_processed == 1) {
    const char* gid = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    const auto prepared = gid == nullptr ? std::nullopt : core::ParseGid(gid);
    if (prepared.has_value()) {
      id.group = prepared->group;
      id.pid = prepared->pid;
      id.number = kNoNumber;  // its begin is not known here; the detector finds it by group and pid
    }
  }
  SPI_finish();
  return id;
}

pg::Array<int> BlockersOf(int pid) {
  pg::Array<int> blockers;
  ArrayType* array = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
  Datum* values;
  int count;
  deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, nullptr, &count);
  for (int i = 0; i < count; i++) blockers.push_back(DatumGetInt32(values[i]));
  return blockers;
}

}  // namespace

pg::Array<WaitEdge> LocalWaitEdges() {
  pg::Array<WaitEdge> edges;
  for (const Waiter& waiter : FindWaiters()) {
    for (const int blocker : BlockersOf(waiter.pid)) {
      const core::TransactionId blocking =
          blocker == 0 ? IdOfPrepared(waiter.xid) : IdOfBackend(blocker);
      if (blocking.IsValid()) edges.push_back(WaitEdge{IdOfBackend(waiter.pid), blocking});
    }
  }
  const TimestampTz old_enough = GetCurrentTimestamp() - static_cast<int64>(DeadlockTimeout) * 1000;
  for (const remote::BudgetWait& wait : remote::BudgetWaits(old_enough))
    edges.push_back(WaitEdge{IdOfBackend(wait.waiting), IdOfBackend(wait.holding), true});
  return edges;
}

}  // namespace altius::txn
