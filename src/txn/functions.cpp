// SPDX-License-Identifier: PostgreSQL
// SQL functions of floor txn.
#include "altius/door/door.hpp"
#include "altius/remote/control.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "acknowledge.hpp"
#include "askers.hpp"
#include "identity.hpp"
#include "maintenance.hpp"
#include "shared_state.hpp"
#include "wait_edges.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

using namespace altius;

namespace {

constexpr int64 kNodeFactor = INT64CONST(10000000000);

/// Keeps the first column of all rows, one a line.
class Lines final : public remote::RowSink {
 public:
  void Row(const PGresult* result, int row) override {
    const char* value = PQgetisnull(result, row, 0) != 0 ? "" : PQgetvalue(result, row, 0);
    text = text == nullptr ? pstrdup(value) : psprintf("%s\n%s", text, value);
  }
  char* text = nullptr;
};

}  // namespace

/// Runs a statement on a group's primary in the current distributed transaction; returns the first
/// column of its rows.
ALTIUS_FUNCTION(altius_execute_on_group) {
  const int group = PG_GETARG_INT32(0);
  const char* sql = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const char* access = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const txn::Access how = strcmp(access, "read") == 0     ? txn::Access::Read
                          : strcmp(access, "single") == 0 ? txn::Access::SingleWrite
                                                          : txn::Access::Write;
  Lines* sink = new (palloc(sizeof(Lines))) Lines;
  remote::StatementText statement;
  statement.sql = sql;
  statement.prepare = true;
  remote::Wait(remote::Send(txn::Enlist(group, how), statement, sink));
  if (sink->text == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(sink->text));
}

/// What tells this start of this server from all others.
ALTIUS_FUNCTION(altius_start_nonce) { PG_RETURN_TEXT_P(cstring_to_text(txn::StartNonce())); }

ALTIUS_FUNCTION(altius_is_lasting) {
  PG_RETURN_BOOL(txn::WaitUntilLasting(TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 3500)));
}

/// stop_prepares(groupid): in the transaction that removes the group's node.
ALTIUS_FUNCTION(altius_stop_prepares) {
  txn::StopPreparesHere(PG_GETARG_INT32(0));
  PG_RETURN_VOID();
}

/// Lets every process go on that waits at a stop point.
ALTIUS_FUNCTION(altius_release_stop_points) {
  pg_atomic_fetch_add_u64(&txn::shared->stop_releases, 1);
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_current_transaction) {
  PG_RETURN_TEXT_P(cstring_to_text(txn::CurrentTransactionId()));
}

ALTIUS_FUNCTION(citus_backend_gpid) {
  const int64 origin = door::OriginGlobalPid();
  PG_RETURN_INT64(origin != 0 ? origin : txn::GlobalPid());
}

ALTIUS_FUNCTION(citus_calculate_gpid) {
  PG_RETURN_INT64(static_cast<int64>(PG_GETARG_INT32(0)) * kNodeFactor + PG_GETARG_INT32(1));
}

ALTIUS_FUNCTION(citus_nodeid_for_gpid) {
  PG_RETURN_INT32(static_cast<int32>(PG_GETARG_INT64(0) / kNodeFactor));
}

ALTIUS_FUNCTION(citus_pid_for_gpid) {
  PG_RETURN_INT32(static_cast<int32>(PG_GETARG_INT64(0) % kNodeFactor));
}

ALTIUS_FUNCTION(recover_prepared_transactions) {
  bool left;
  PG_RETURN_INT32(txn::RecoverPrepared(&left));
}

ALTIUS_FUNCTION(check_distributed_deadlocks) { PG_RETURN_BOOL(txn::CheckDeadlocks()); }

ALTIUS_FUNCTION(altius_local_wait_edges) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* set = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const txn::WaitEdge& edge : txn::LocalWaitEdges()) {
    char waiting[core::kTransactionIdSize];
    char blocking[core::kTransactionIdSize];
    core::FormatTransactionId(edge.waiting, waiting);
    core::FormatTransactionId(edge.blocking, blocking);
    Datum values[3] = {CStringGetTextDatum(waiting), CStringGetTextDatum(blocking), BoolGetDatum(edge.choice)};
    bool nulls[3] = {false, false, false};
    tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
  }
  return Datum{0};
}

/// session_origins(): the backends that serve other nodes, and the global pids of the sessions that they work for.
ALTIUS_FUNCTION(altius_session_origins) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* set = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  int count;
  const txn::BackendEntry* entries = txn::ListBackends(&count);
  for (int i = 0; i < count; i++) {
    if (entries[i].origin == 0) continue;
    Datum values[2] = {Int32GetDatum(entries[i].pid), Int64GetDatum(entries[i].origin)};
    bool nulls[2] = {false, false};
    tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
  }
  return Datum{0};
}

ALTIUS_FUNCTION(get_all_active_transactions) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* set = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  int count;
  const txn::BackendEntry* entries = txn::ListBackends(&count);
  for (int i = 0; i < count; i++) {
    const txn::BackendEntry& entry = entries[i];
    if (!entry.id.IsValid()) continue;
    const bool here = entry.id.pid == entry.pid && entry.origin == 0;
    Datum values[7] = {ObjectIdGetDatum(entry.database),
                       Int32GetDatum(entry.pid),
                       Int32GetDatum(entry.id.group),
                       BoolGetDatum(!here),
                       Int64GetDatum(static_cast<int64>(entry.id.number)),
                       TimestampTzGetDatum(entry.id.started_us),
                       Int64GetDatum(entry.origin)};
    bool nulls[7] = {false, false, false, false, false, false, here};
    tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
  }
  return Datum{0};
}
