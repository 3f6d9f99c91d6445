// SPDX-License-Identifier: PostgreSQL
// COPY ... FROM STDIN to a node.  COPY can't be pipelined: the connection is drained and leaves
// pipeline mode until it ends.
#include "role.hpp"

#include "altius/door/calling.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/ipc.h"
}

namespace altius::remote {

namespace {

/// libpq may keep this much unsent before the sender waits.
constexpr int kSendWindow = 256 * 1024;

/// A node reads the end of COPY soon, unless it waits for a lock.
constexpr int kPatienceMs = 50;

int unflushed = 0;

[[noreturn]] void RaiseCopy(Connection* connection, PGresult* result, const char* reason) {
  Request* request = static_cast<Request*>(palloc0(sizeof(Request)));
  request->connection = connection;
  request->failed = true;
  request->lost = reason;
  if (result != nullptr && PQresultErrorField(result, PG_DIAG_SQLSTATE) != nullptr) {
    request->error = connection->current = result;
    NoteFailure(connection);
  }
  RaiseError(request);
}

[[noreturn]] void RaiseLost(Connection* connection) {
  MarkBroken(connection, PQerrorMessage(connection->pg));
  RaiseCopy(connection, nullptr, connection->lost);
}

void SleepOnce(Connection* connection) {
  if (Sleep(connection, -1) == Waited::PostmasterGone) proc_exit(1);
  ServeInterrupts(nullptr);
  if (connection->state == State::Broken) RaiseCopy(connection, nullptr, connection->lost);
}

void FlushAll(Connection* connection) {
  for (;;) {
    const int pending = PQflush(connection->pg);
    if (pending < 0) RaiseLost(connection);
    if (pending == 0) break;
    SleepOnce(connection);
  }
  unflushed = 0;
}

PGresult* NextResult(Connection* connection) {
  while (PQisBusy(connection->pg) != 0) SleepOnce(connection);
  if (connection->current != nullptr) PQclear(connection->current);
  connection->current = nullptr;
  return connection->current = PQgetResult(connection->pg);
}

/// Reads up to the end of the command; the first error is kept for the caller.
PGresult* FinishCommand(Connection* connection, int64* affected) {
  PGresult* error = nullptr;
  for (PGresult* result = NextResult(connection); result != nullptr;
       result = NextResult(connection)) {
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
      if (affected != nullptr) *affected = strtoll(PQcmdTuples(result), nullptr, 10);
    } else if (error == nullptr) {
      error = result;
      connection->current = nullptr;
    }
    if (PQstatus(connection->pg) == CONNECTION_BAD) RaiseLost(connection);
  }
  return error;
}

void EnterPipeline(Connection* connection) {
  connection->in_copy = false;
  if (PQenterPipelineMode(connection->pg) != 1) RaiseLost(connection);
}

}  // namespace

bool AbandonCopy(Connection* connection, TimestampTz deadline) {
  if (connection->state != State::Ready) return false;
  int taken = 0;
  TimestampTz next_cancel = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kPatienceMs);
  for (;;) {
    if (taken == 0) taken = PQputCopyEnd(connection->pg, "COPY was given up");
    // When COPY has ended on the node already libpq refuses; its result is waiting then.
    if (taken != 0 && PQflush(connection->pg) <= 0 && PQisBusy(connection->pg) == 0) {
      PGresult* result = PQgetResult(connection->pg);
      if (result == nullptr) break;
      PQclear(result);
      if (PQstatus(connection->pg) == CONNECTION_BAD) return false;
      continue;
    }
    const TimestampTz now = GetCurrentTimestamp();
    if (now >= next_cancel) {
      (void)SendCancel(connection);
      next_cancel = TimestampTzPlusMilliseconds(now, kCancelAgainMs);
    }
    const long left = TimestampDifferenceMilliseconds(now, deadline);
    const long pause = std::max(1L, TimestampDifferenceMilliseconds(now, next_cancel));
    if (left == 0 || Sleep(connection, std::min(left, pause)) == Waited::PostmasterGone)
      return false;
    if (connection->state != State::Ready) return false;
  }
  connection->in_copy = false;
  return PQenterPipelineMode(connection->pg) == 1;
}

void BeginCopyIn(Connection* connection, const char* sql) {
  if (connection->state == State::Ready) FollowSettings(connection);
  FollowRole(connection);
  Drain(connection);
  if (connection->state != State::Ready) RaiseCopy(connection, nullptr, connection->lost);
  if (PQexitPipelineMode(connection->pg) != 1) RaiseLost(connection);
  connection->in_copy = true;
  connection->copy_events = event_sink;
  DropEvents(connection);
  connection->copy_level = GetCurrentTransactionNestLevel();
  if (PQsendQuery(connection->pg, door::SignStatement(&connection->issuer, sql)) != 1) RaiseLost(connection);
  PGresult* result = NextResult(connection);
  if (result != nullptr && PQresultStatus(result) == PGRES_COPY_IN) return;
  connection->current = nullptr;
  PGresult* error = result;
  FinishCommand(connection, nullptr);
  EnterPipeline(connection);
  RaiseCopy(connection, error, "the node did not start COPY");
}

void SendCopyData(Connection* connection, const char* data, int length) {
  if (connection->state != State::Ready) RaiseCopy(connection, nullptr, connection->lost);
  for (;;) {
    const int taken = PQputCopyData(connection->pg, data, length);
    if (taken < 0) RaiseLost(connection);
    if (taken == 1) break;
    FlushAll(connection);
  }
  unflushed += length;
  if (unflushed > kSendWindow) FlushAll(connection);
}

int64 EndCopyIn(Connection* connection, const char* error_or_null) {
  if (connection->state != State::Ready) RaiseCopy(connection, nullptr, connection->lost);
  while (PQputCopyEnd(connection->pg, error_or_null) == 0) FlushAll(connection);
  FlushAll(connection);
  int64 copied = 0;
  PGresult* error = FinishCommand(connection, &copied);
  EnterPipeline(connection);
  if (error != nullptr) RaiseCopy(connection, error, "COPY failed");
  EmitNotices();
  DeliverEvents(connection, connection->copy_events, connection->copy_level);
  return copied;
}

bool IsCopying(const Connection* connection) { return connection->in_copy; }

void EndCopy(Connection* connection) {
  if (connection->in_copy || connection->state != State::Ready) (void)EndCopyIn(connection, nullptr);  // or raises that it is lost
}

}  // namespace altius::remote
