// SPDX-License-Identifier: PostgreSQL
// SQL functions of floor txn.
#include "altius/remote/control.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "identity.hpp"
#include "shared_state.hpp"

extern "C" {
#include "utils/builtins.h"
}

using namespace altius;

namespace {

constexpr int64 kNodeFactor = INT64CONST(10000000000);

/// Keeps the first column of all rows, one a line.
class Lines final : public remote::RowSink {
 public:
  void Row(const PGresult *result, int row) override {
    const char *value = PQgetisnull(result, row, 0) != 0 ? "" : PQgetvalue(result, row, 0);
    text = text == nullptr ? pstrdup(value) : psprintf("%s\n%s", text, value);
  }
  char *text = nullptr;
};

}  // namespace

/// Runs a statement on a group's primary in the current distributed transaction; returns the first column of its rows.
ALTIUS_FUNCTION(altius_execute_on_group) {
  const int group = PG_GETARG_INT32(0);
  const char *sql = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const char *access = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const txn::Access how = strcmp(access, "read") == 0     ? txn::Access::Read
                          : strcmp(access, "single") == 0 ? txn::Access::SingleWrite
                                                          : txn::Access::Write;
  Lines *sink = new (palloc(sizeof(Lines))) Lines;
  remote::StatementText statement;
  statement.sql = sql;
  statement.prepare = true;
  remote::Wait(remote::Send(txn::Enlist(group, how), statement, sink));
  if (sink->text == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(sink->text));
}

/// Lets every process go on that waits at a stop point.
ALTIUS_FUNCTION(altius_release_stop_points) {
  pg_atomic_fetch_add_u64(&txn::shared->stop_releases, 1);
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_current_transaction) { PG_RETURN_TEXT_P(cstring_to_text(txn::CurrentTransactionId())); }

ALTIUS_FUNCTION(citus_backend_gpid) {
  const int64 origin = remote::OriginGlobalPid();
  PG_RETURN_INT64(origin != 0 ? origin : txn::GlobalPid());
}

ALTIUS_FUNCTION(citus_calculate_gpid) {
  PG_RETURN_INT64(static_cast<int64>(PG_GETARG_INT32(0)) * kNodeFactor + PG_GETARG_INT32(1));
}

ALTIUS_FUNCTION(citus_nodeid_for_gpid) { PG_RETURN_INT32(static_cast<int32>(PG_GETARG_INT64(0) / kNodeFactor)); }

ALTIUS_FUNCTION(citus_pid_for_gpid) { PG_RETURN_INT32(static_cast<int32>(PG_GETARG_INT64(0) % kNodeFactor)); }
