// SPDX-License-Identifier: PostgreSQL
// Sending: statements and the hidden commands in front of them go into libpq's pipeline; prepared
// statements are kept per connection, the least recently used goes first.
#include "role.hpp"
#include "session_settings.hpp"

#include "altius/door/calling.hpp"
#include "altius/pg/settings.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/inval.h"
}

namespace altius::remote {

namespace {

uint64 last_prepared_number = 0;
uint64 schema_generation = 0;

/// Only relations of users count; caches that overflow name none.
void OnRelationChange(Datum, Oid relid) {
  if (relid == InvalidOid || relid >= FirstNormalObjectId) schema_generation++;
}

/// The request's context goes away: nobody may write to it any more.
void Release(void* arg) {
  Request* request = static_cast<Request*>(arg);
  Connection* connection = request->connection;
  for (int i = 0; i < connection->count; i++) {
    Item* item = ItemAt(connection, i);
    if (item->request == request) item->request = nullptr;
  }
  if (request->error != nullptr) PQclear(request->error);
  request->error = nullptr;
}

/// A command for libpq's queue.  False, and the connection is broken, when libpq does not take it.
bool Put(Connection* connection, int taken) {
  if (taken == 1) return true;
  MarkBroken(connection, PQerrorMessage(connection->pg));
  return false;
}

void QueueText(Connection* connection, const char* sql) {
  if (connection->state != State::Ready) return;
  if (!Put(connection,
           PQsendQueryParams(connection->pg, sql, 0, nullptr, nullptr, nullptr, nullptr, 0)))
    return;
  Append(connection, ItemKind::Hidden, nullptr, 0);
  connection->unsynced = true;
}

/// Relations have changed: results of prepared statements may have another shape now, which the
/// node would refuse to return.
void FollowSchema(Connection* connection) {
  if (connection->schema_seen == schema_generation) return;
  connection->schema_seen = schema_generation;
  ForgetPrepared(connection);
}

bool SameTypes(const Prepared& prepared, const StatementText& statement) {
  if (prepared.param_count != statement.param_count) return false;
  if ((prepared.types == nullptr) != (statement.param_types == nullptr)) return false;
  return prepared.types == nullptr ||
         memcmp(prepared.types, statement.param_types, sizeof(Oid) * statement.param_count) == 0;
}

Prepared* FindPrepared(Connection* connection, const StatementText& statement, uint32 hash) {
  for (int i = 0; i < connection->prepared_count; i++) {
    if (connection->prepared_hashes[i] != hash) continue;
    Prepared* prepared = &connection->prepared[i];
    if (SameTypes(*prepared, statement) && strcmp(prepared->sql, statement.sql) == 0) {
      return prepared;
    }
  }
  return nullptr;
}

void DropPrepared(Connection* connection, int index, bool on_node) {
  Prepared* prepared = &connection->prepared[index];
  const uint64 number = prepared->number;
  pfree(prepared->sql);
  if (prepared->types != nullptr) pfree(prepared->types);
  *prepared = connection->prepared[--connection->prepared_count];
  connection->prepared_hashes[index] = connection->prepared_hashes[connection->prepared_count];
  if (on_node) QueueText(connection, psprintf("DEALLOCATE %s" UINT64_FORMAT, kPreparedPrefix, number));
}

int LeastRecentlyUsed(const Connection* connection) {
  int oldest = 0;
  for (int i = 1; i < connection->prepared_count; i++) {
    if (connection->prepared[i].used < connection->prepared[oldest].used) oldest = i;
  }
  return oldest;
}

/// Room for one more: false when the connection broke over it.
bool MakeRoom(Connection* connection) {
  if (connection->prepared == nullptr) {
    connection->prepared = static_cast<Prepared*>(
        MemoryContextAlloc(TopMemoryContext, sizeof(Prepared) * kMostPrepared));
    connection->prepared_hashes =
        static_cast<uint32*>(MemoryContextAlloc(TopMemoryContext, sizeof(uint32) * kMostPrepared));
  }
  while (connection->prepared_count >= max_prepared) {
    DropPrepared(connection, LeastRecentlyUsed(connection), true);
    if (connection->state != State::Ready) return false;
  }
  return true;
}

Prepared* AddPrepared(Connection* connection, const StatementText& statement, uint32 hash) {
  if (!MakeRoom(connection)) return nullptr;
  const uint64 number = ++last_prepared_number;
  char* name = psprintf("%s" UINT64_FORMAT, kPreparedPrefix, number);
  if (!Put(connection, PQsendPrepare(connection->pg, name, statement.sql, statement.param_count,
                                     statement.param_types))) {
    return nullptr;
  }
  Append(connection, ItemKind::Prepare, nullptr, number);
  connection->unsynced = true;
  Prepared* prepared = &connection->prepared[connection->prepared_count];
  *prepared = Prepared{MemoryContextStrdup(TopMemoryContext, statement.sql), nullptr,
                       statement.param_count, number, 0};
  if (statement.param_types != nullptr && statement.param_count > 0) {
    const Size size = sizeof(Oid) * statement.param_count;
    prepared->types = static_cast<Oid*>(MemoryContextAlloc(TopMemoryContext, size));
    memcpy(prepared->types, statement.param_types, size);
  }
  connection->prepared_hashes[connection->prepared_count++] = hash;
  return prepared;
}

/// The statement with its ticket: in front of its text, or as a last parameter.
StatementText WithTicket(Connection* connection, const StatementText& statement) {
  StatementText with = statement;
  if (statement.by_node && core::door::IsOwnCall(statement.sql)) with.sql = door::SignStatement(&connection->issuer, statement.sql);
  if (statement.claim == nullptr) return with;
  auto** values = static_cast<const char**>(palloc(sizeof(char*) * (statement.param_count + 1)));
  memcpy(values, statement.param_values, sizeof(char*) * statement.param_count);
  values[with.param_count++] = door::SignClaim(&connection->issuer, statement.claim, statement.claim_length);
  with.param_values = values;
  return with;
}

/// Puts the statement itself into the pipeline, without a sync.
bool QueueStatement(Connection* connection, const StatementText& unsigned_statement, ItemKind kind,
                    Request* request) {
  const StatementText statement = WithTicket(connection, unsigned_statement);
  const int format = statement.binary_rows ? 1 : 0;
  uint64 number = 0;
  if (pg::settings::log_remote_commands) {
    ereport(LOG, (errmsg("sending to node %s: %s", connection->name, unsigned_statement.sql)));
  }
  if (statement.prepare) {
    const uint32 hash =
        DatumGetUInt32(hash_any(reinterpret_cast<const unsigned char*>(statement.sql),
                                static_cast<int>(strlen(statement.sql))));
    Prepared* prepared = FindPrepared(connection, statement, hash);
    if (prepared == nullptr) prepared = AddPrepared(connection, statement, hash);
    if (prepared == nullptr) return false;
    prepared->used = ++connection->clock;
    number = prepared->number;
    char name[32];
    snprintf(name, sizeof(name), "%s" UINT64_FORMAT, kPreparedPrefix, number);
    if (!Put(connection, PQsendQueryPrepared(connection->pg, name, statement.param_count,
                                             statement.param_values, nullptr, nullptr, format))) {
      return false;
    }
  } else if (!Put(connection,
                  PQsendQueryParams(connection->pg, statement.sql, statement.param_count,
                                    statement.param_types, statement.param_values, nullptr, nullptr,
                                    format))) {
    return false;
  }
  Append(connection, kind, request, number);
  connection->unsynced = true;
  return true;
}

}  // namespace

void FollowSettings(Connection* connection) {
  if (connection->own) return;
  for (int i = 0; i < kTrackedCount; i++) {
    const char* wanted = TrackedValue(i);
    if (!connection->settings.NeedsFixed(i, wanted)) continue;
    connection->settings.DoubtFixed(i);
    QueueText(connection, psprintf("SET %s = %s", TrackedName(i), quote_literal_cstr(wanted)));
    connection->settings.SentFixed(setting_memory, i, wanted);
  }
  FollowSessionSettings(connection);
}

Item* ItemAt(const Connection* connection, int index) {
  return &connection->items[(connection->head + index) % connection->capacity];
}

void Append(Connection* connection, ItemKind kind, Request* request, uint64 prepared) {
  if (connection->count == connection->capacity) {
    const int capacity = connection->capacity == 0 ? 32 : connection->capacity * 2;
    Item* grown = static_cast<Item*>(MemoryContextAlloc(TopMemoryContext, sizeof(Item) * capacity));
    for (int i = 0; i < connection->count; i++) grown[i] = *ItemAt(connection, i);
    if (connection->items != nullptr) pfree(connection->items);
    connection->items = grown;
    connection->capacity = capacity;
    connection->head = 0;
  }
  *ItemAt(connection, connection->count++) =
      Item{kind, request, prepared, request == nullptr ? 0 : request->level, false};
  if (connection->count == 1) ArmHead(connection);
}

Request* NewRequest(Connection* connection, RowSink* sink) {
  Request* request = static_cast<Request*>(palloc0(sizeof(Request)));
  request->connection = connection;
  request->session = connection->session;
  request->sink = sink;
  request->level = GetCurrentTransactionNestLevel();
  request->release.func = Release;
  request->release.arg = request;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, &request->release);
  return request;
}

void FailRequest(Request* request, const char* reason) {
  request->failed = request->finished = true;
  request->lost = reason;
  strlcpy(request->lost_state, request->connection->lost_state, sizeof(request->lost_state));
}

void ForgetPreparedNumber(Connection* connection, uint64 number) {
  for (int i = 0; i < connection->prepared_count; i++) {
    if (connection->prepared[i].number == number) {
      DropPrepared(connection, i, false);
      return;
    }
  }
}

void QueueSync(Connection* connection, Request* request) {
  if (connection->state != State::Ready || !Put(connection, PQpipelineSync(connection->pg))) return;
  Append(connection, ItemKind::Sync, request, 0);
  connection->unsynced = false;
}

/// A mark counts for the next statement or command alone.
bool TakeDecisive(Connection* connection) {
  const bool decisive = connection->next_decisive;
  connection->next_decisive = false;
  return decisive;
}

Request* Send(Connection* connection, const StatementText& statement, RowSink* sink) {
  if (connection->in_copy) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("the connection to node %s is busy with COPY", connection->name)));
  }
  Request* request = NewRequest(connection, sink);
  request->decisive = TakeDecisive(connection);
  request->may_have_moved = statement.may_have_moved;
  request->hides_context = statement.hides_parameters();
  request->hides_rows = statement.hides_rows;
  request->events = event_sink;
  if (connection->state == State::Ready) {
    FollowSchema(connection);
    FollowSettings(connection);
    FollowRole(connection);
  }
  request->unsent = connection->state != State::Ready;
  // A broken connection has failed the request already when its item was queued.
  if (connection->state == State::Ready &&
      QueueStatement(connection, statement, ItemKind::Main, request)) {
    QueueSync(connection, request);
  }
  if (connection->state != State::Ready && !request->finished) {
    FailRequest(request,
                connection->lost != nullptr ? connection->lost : "The connection is closed.");
  }
  return request;
}

void QueueBegin(Connection* connection, const char* sql) {
  connection->settings.Begin();
  connection->unheard = 0;
  QueueHidden(connection, sql);
}

namespace {

void QueueForSavepoint(Connection* connection, const char* verb) {
  char command[64];
  snprintf(command, sizeof(command), "%s altius_%d", verb, connection->settings.level());
  QueueHidden(connection, command);
}

}  // namespace

void QueueSavepoint(Connection* connection) {
  connection->settings.Savepoint();
  QueueForSavepoint(connection, "SAVEPOINT");
}

void QueueRelease(Connection* connection) {
  QueueForSavepoint(connection, "RELEASE SAVEPOINT");
  connection->settings.Release();
}

void QueueRollBack(Connection* connection) {
  QueueForSavepoint(connection, "ROLLBACK TO SAVEPOINT");
  QueueForSavepoint(connection, "RELEASE SAVEPOINT");
  connection->settings.RollBack();
}

int BlockLevel(const Connection* connection) { return connection->settings.level(); }

Request* SendEnd(Connection* connection, const char* sql, bool keeps_settings) {
  if (keeps_settings) FollowAtEnd(connection);
  connection->settings.End(keeps_settings);
  return SendCommand(connection, sql);
}

Request* SendPrepare(Connection* connection, const char* gid) {
  FollowAtEnd(connection);  // its tickets come before the next
  const char* sql = psprintf("PREPARE TRANSACTION %s", quote_literal_cstr(gid));
  return SendEnd(connection, door::SignStatement(&connection->issuer, sql), true);
}

Request* SendEndOfPrepared(Connection* connection, const char* verb, const char* gid) {
  const char* sql = psprintf("%s PREPARED %s", verb, quote_literal_cstr(gid));
  return SendCommand(connection, door::SignStatement(&connection->issuer, sql));
}

Request* SendCommand(Connection* connection, const char* sql) {
  Request* request = NewRequest(connection, nullptr);
  request->decisive = TakeDecisive(connection);
  StatementText statement;
  statement.sql = sql;
  if (connection->state == State::Ready &&
      QueueStatement(connection, statement, ItemKind::Main, request)) {
    QueueSync(connection, request);
  }
  if (connection->state != State::Ready && !request->finished) {
    FailRequest(request,
                connection->lost != nullptr ? connection->lost : "The connection is closed.");
  }
  return request;
}

void Push(Connection* connection) {
  if (connection->unsynced) QueueSync(connection, nullptr);
}

void QueueHidden(Connection* connection, const char* sql) {
  if (pg::settings::log_remote_commands)
    ereport(LOG, (errmsg("sending to node %s: %s", connection->name, sql)));
  QueueText(connection, sql);
}

char* SignedValue(Connection* connection, const char* value) {
  return psprintf("%s %s", value, door::SignClaim(&connection->issuer, value, strlen(value)));
}

void QueueSetLocal(Connection* connection, const char* name, const char* value) {
  static const Oid kTypes[] = {25, 25};  // text
  const char* values[] = {name, value};
  StatementText statement;
  statement.sql = "SELECT pg_catalog.set_config($1, $2, true)";
  statement.param_count = 2;
  statement.param_types = kTypes;
  statement.param_values = values;
  statement.prepare = true;
  QueueHiddenStatement(connection, statement);
}

void QueueHiddenStatement(Connection* connection, const StatementText& statement) {
  if (connection->state == State::Ready)
    QueueStatement(connection, statement, ItemKind::Hidden, nullptr);
}

void MarkNextDecisive(Connection* connection) { connection->next_decisive = true; }

void ForgetPrepared(Connection* connection) {
  if (connection->prepared_count == 0) return;
  while (connection->prepared_count > 0) {
    DropPrepared(connection, connection->prepared_count - 1, false);
  }
  QueueText(connection, "DEALLOCATE ALL");
}

void WatchSchema() { CacheRegisterRelcacheCallback(OnRelationChange, Datum{0}); }

void ForgetAllPrepared() {
  for (int i = 0; i < ConnectionCount(); i++) ForgetPrepared(ConnectionAt(i));
}

}  // namespace altius::remote
