// SPDX-License-Identifier: PostgreSQL
#include "bare.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

struct Bare {
  PGconn* pg;
};

namespace {

constexpr int kMost = 8;
Bare open_ones[kMost];

void CloseAll() {
  for (Bare& bare : open_ones) {
    if (bare.pg == nullptr) continue;
    PGconn* pg = bare.pg;
    bare.pg = nullptr;
    remote::CloseBare(pg);
  }
}

/// A step that failed ends the operation: nothing of it goes on.
void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT) CloseAll();
}

void OnExit(int, Datum) { CloseAll(); }

void AwaitSocket(Bare* bare, long timeout_ms) {
  const int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | (timeout_ms >= 0 ? WL_TIMEOUT : 0);
  const int got = WaitLatchOrSocket(MyLatch, events, PQsocket(bare->pg), timeout_ms, PG_WAIT_EXTENSION);
  if ((got & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

[[noreturn]] void RaiseBare(Bare* bare, PGresult* result) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* hint = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
  char* text = pstrdup(primary != nullptr ? primary : PQerrorMessage(bare->pg));
  hint = hint == nullptr ? nullptr : pstrdup(hint);
  const int code = state == nullptr || strlen(state) != 5
                       ? ERRCODE_CONNECTION_FAILURE
                       : MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
  const char* host = pstrdup(PQhost(bare->pg) != nullptr ? PQhost(bare->pg) : "");
  const char* port = pstrdup(PQport(bare->pg) != nullptr ? PQport(bare->pg) : "");
  PQclear(result);
  for (size_t length = strlen(text); length > 0 && text[length - 1] == '\n'; length--) text[length - 1] = '\0';
  ereport(ERROR, (errcode(code), errmsg_internal("%s", text), hint != nullptr ? errhint("%s", hint) : 0,
                  errcontext("source node %s:%s", host, port)));
  pg_unreachable();
}

PGresult* NextResult(Bare* bare) {
  while (PQisBusy(bare->pg) != 0) {
    AwaitSocket(bare, -1);
    if (PQconsumeInput(bare->pg) == 0) RaiseBare(bare, nullptr);
  }
  return PQgetResult(bare->pg);
}

bool Streams(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

Bare* ConnectBare(int group, bool replication) {
  for (Bare& bare : open_ones) {
    if (bare.pg != nullptr) continue;
    bare.pg = remote::OpenBare(group, replication);
    return &bare;
  }
  elog(ERROR, "too many connections to sources of moves");
}

void DisconnectBare(Bare* bare) {
  PGconn* pg = bare->pg;
  bare->pg = nullptr;
  if (pg != nullptr) remote::CloseBare(pg);
}

void ExecuteBare(Bare* bare, const char* sql, char** values, int count) {
  if (PQsendQuery(bare->pg, sql) != 1) RaiseBare(bare, nullptr);
  for (PGresult* result = NextResult(bare); result != nullptr; result = NextResult(bare)) {
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0) {
      for (int i = 0; i < count && i < PQnfields(result); i++)
        values[i] = PQgetisnull(result, 0, i) ? nullptr : pstrdup(PQgetvalue(result, 0, i));
    } else if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !Streams(result)) {
      RaiseBare(bare, result);
    }
    const bool streams = Streams(result);
    PQclear(result);
    if (streams) return;
  }
}

int ReadCopyData(Bare* bare, char** buffer, long timeout_ms) {
  for (;;) {
    const int length = PQgetCopyData(bare->pg, buffer, 1);
    if (length > 0) return length;
    if (length == -2) RaiseBare(bare, nullptr);
    if (length == -1) break;
    if (timeout_ms == 0) {
      if (PQconsumeInput(bare->pg) == 0) RaiseBare(bare, nullptr);
      const int now = PQgetCopyData(bare->pg, buffer, 1);
      if (now > 0) return now;
      if (now == 0) return 0;
      if (now == -2) RaiseBare(bare, nullptr);
      break;
    }
    AwaitSocket(bare, timeout_ms);
    if (PQconsumeInput(bare->pg) == 0) RaiseBare(bare, nullptr);
    if (timeout_ms > 0) timeout_ms = 0;
  }
  for (PGresult* result = NextResult(bare); result != nullptr; result = NextResult(bare)) {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) RaiseBare(bare, result);
    PQclear(result);
  }
  return -1;
}

void WriteCopyData(Bare* bare, const char* data, int length) {
  if (PQputCopyData(bare->pg, data, length) <= 0 || PQflush(bare->pg) != 0) RaiseBare(bare, nullptr);
}

void InitBare() {
  static bool registered = false;
  if (registered) return;
  registered = true;
  RegisterXactCallback(OnTransaction, nullptr);
  before_shmem_exit(OnExit, 0);
}

}  // namespace altius::rebalance
