// SPDX-License-Identifier: PostgreSQL
#include "session.hpp"

#include "altius/pg/rights.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance::jobs {
namespace {

/// Plain C: an error leaves it by longjmp, and the end of the transaction restores the user.
int64 RunAsSuperuser(const char* sql, Rows* rows) {
  MemoryContext home = CurrentMemoryContext;
  const pg::Rights before = pg::BecomeSuperuser();
  SPI_connect();
  if (SPI_execute(sql, false, 0) < 0) elog(ERROR, "cannot run \"%s\"", sql);
  const int64 processed = static_cast<int64>(SPI_processed);
  if (rows != nullptr && SPI_tuptable != nullptr) {
    MemoryContext spi = MemoryContextSwitchTo(home);
    rows->count = static_cast<int>(processed);
    rows->cells = static_cast<char***>(palloc(sizeof(char**) * std::max<int64>(processed, 1)));
    TupleDesc columns = SPI_tuptable->tupdesc;
    for (int row = 0; row < rows->count; row++) {
      rows->cells[row] = static_cast<char**>(palloc(sizeof(char*) * columns->natts));
      for (int column = 0; column < columns->natts; column++) {
        rows->cells[row][column] = SPI_getvalue(SPI_tuptable->vals[row], columns, column + 1);
      }
    }
    MemoryContextSwitchTo(spi);
  }
  SPI_finish();
  pg::ReturnRights(before);
  return processed;
}

}  // namespace

void BeginTransaction() {
  pg::Call([] {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    XactIsoLevel = XACT_READ_COMMITTED;
    PushActiveSnapshot(GetTransactionSnapshot());
  });
}

void CommitTransaction() {
  pg::Call([] {
    PopActiveSnapshot();
    CommitTransactionCommand();
  });
}

void AbortTransaction() {
  pg::Call([] { AbortCurrentTransaction(); });
}

Rows QueryCatalog(const std::string& sql) {
  Rows rows{};
  const char* text_of = sql.c_str();
  pg::Call([&] { RunAsSuperuser(text_of, &rows); });
  return rows;
}

int64 ChangeCatalog(const std::string& sql) {
  const char* text_of = sql.c_str();
  return pg::Call([&] { return RunAsSuperuser(text_of, nullptr); });
}

std::string Quote(const std::string& text) {
  const char* raw = text.c_str();
  return pg::Call([&] { return quote_literal_cstr(raw); });
}

int64 UnixMicroseconds() {
  constexpr int64 epochs_apart = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
  return GetCurrentTimestamp() + epochs_apart * USECS_PER_DAY;
}

void ConnectWorker(Oid database, Oid user, const char* application) {
  pg::Call([&] {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGINT, StatementCancelHandler);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(database, user, 0);
    if (!OidIsValid(user)) pg::BeginSuperusersProcess();
    pg::IgnoreTransactionTimeout();
    SetConfigOption("application_name", application, PGC_USERSET, PGC_S_SESSION);
  });
}

void ReloadSettingsIfAsked() {
  if (!ConfigReloadPending) return;
  ConfigReloadPending = false;
  pg::Call([] { ProcessConfigFile(PGC_SIGHUP); });
}

}  // namespace altius::rebalance::jobs
