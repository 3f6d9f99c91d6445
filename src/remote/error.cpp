// SPDX-License-Identifier: PostgreSQL
// A node's error becomes this backend's error with all its fields; names of shards read as the
// names the user knows.
#include "session.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/door/context.hpp"

extern "C" {
#include "access/xact.h"
#include "lib/stringinfo.h"
}

namespace altius::remote {

namespace {

bool IsNameChar(char c) {
  return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

/// Length of `_<shard id>` at `text`, if that is what it is.
int ShardSuffix(const char* text) {
  if (*text != '_' || !isdigit(static_cast<unsigned char>(text[1]))) return 0;
  char* end;
  const int64 id = strtoll(text + 1, &end, 10);
  if (IsNameChar(*end) || end - text < 4) return 0;
  int index;
  return catalog::FindTableOfShard(id, &index) != nullptr ? static_cast<int>(end - text) : 0;
}

const char* WithoutShardNames(const char* text) {
  if (text == nullptr || !IsTransactionState() || !catalog::IsActive()) return text;
  StringInfoData out;
  initStringInfo(&out);
  for (const char* c = text; *c != '\0';) {
    const int skip = c == text ? 0 : ShardSuffix(c);
    if (skip == 0) appendStringInfoChar(&out, *c);
    c += skip == 0 ? 1 : skip;
  }
  return out.data;
}

const char* Field(const PGresult* result, int field) {
  return WithoutShardNames(PQresultErrorField(result, field));
}

int PutNames(const PGresult* result) {
  constexpr int kFields[] = {PG_DIAG_SCHEMA_NAME, PG_DIAG_TABLE_NAME, PG_DIAG_COLUMN_NAME,
                             PG_DIAG_DATATYPE_NAME, PG_DIAG_CONSTRAINT_NAME};
  for (const int field : kFields) {
    const char* value = Field(result, field);
    if (value != nullptr) err_generic_string(field, value);
  }
  return 0;
}

/// Says why the transaction has failed on the node, if that is known.
void RaiseFailure(const Connection* connection) {
  if (connection->failure == nullptr) return;
  const char* state = connection->failure_state;
  ereport(ERROR, (errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4])),
                  errmsg_internal("%s", WithoutShardNames(connection->failure)),
                  errdetail("It came from a query of which not all rows were read, such as that of a cursor."),
                  errcontext("node %s", connection->name)));
}

const char* ContextOf(const Request* request) {
  const char* context = PQresultErrorField(request->error, PG_DIAG_CONTEXT);
  if (context != nullptr && request->hides_context) {
    const auto inside = core::door::ContextInside(context);
    context = inside.has_value() && !inside->empty() ? pnstrdup(inside->data(), inside->size()) : nullptr;
  }
  return WithoutShardNames(context);
}

[[noreturn]] void RaiseResult(const Request* request) {
  const PGresult* result = request->error;
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* detail = Field(result, PG_DIAG_MESSAGE_DETAIL);
  const char* hint = Field(result, PG_DIAG_MESSAGE_HINT);
  const char* context = ContextOf(request);
  const int code = state == nullptr
                       ? ERRCODE_CONNECTION_FAILURE
                       : MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
  if (request->hides_rows && ShowsRow(code)) detail = nullptr;
  if (message == nullptr) message = pstrdup(PQresultErrorMessage(result));
  if (state != nullptr && strcmp(state, kInFailedTransaction) == 0) RaiseFailure(request->connection);
  if (IsOfMovedRow(code, PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION))) {
    message = kMovedRow;
    detail = kMovedRowDetail;
    hint = kMovedRowHint;
  }
  ereport(ERROR, (errcode(code), errmsg_internal("%s", message),
                  detail != nullptr ? errdetail_internal("%s", detail) : 0,
                  hint != nullptr ? errhint("%s", hint) : 0,
                  context != nullptr ? errcontext("%s", context) : 0,
                  errcontext("node %s", request->connection->name), PutNames(result)));
  pg_unreachable();
}

}  // namespace

bool IsOfOldSession(const Request* request) {
  return request->session != request->connection->session;
}

core::Failure FailureOf(const Request* request) {
  core::Failure failure;
  const char* state =
      request->error != nullptr ? PQresultErrorField(request->error, PG_DIAG_SQLSTATE) : nullptr;
  failure.lost = request->error == nullptr;
  failure.sqlstate =
      request->error == nullptr ? request->lost_state : (state == nullptr ? "" : state);
  failure.sent = !request->unsent;
  failure.commits_alone = request->decisive;
  failure.answered = request->tag[0] != '\0';
  return failure;
}

namespace {

/// What the client must know is what became of its transaction, not which of our sessions ended.
[[noreturn]] void RaiseLost(const Request* request) {
  const Connection* connection = request->connection;
  const char* reason = request->lost != nullptr && *request->lost != '\0' ? request->lost : nullptr;
  if (core::Judge(FailureOf(request)) == core::Verdict::Unknown) {
    ereport(ERROR, (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
                    errmsg("connection to node %s was lost while the transaction was committed",
                           connection->name),
                    errdetail("Whether it was committed is not known."),
                    errhint("Look at the data on that node once it is reachable.")));
  }
  if (core::IsNotAccepted(request->lost_state)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
                    errmsg("node %s does not accept this server as a node of its cluster", connection->name),
                    reason != nullptr ? errdetail_internal("%s", reason) : 0,
                    errhint("Run start_metadata_sync_to_node() for the node that lacks the cluster's secret, on the coordinator.")));
  }
  const bool ours = connection->group < 0 || connection->separate;
  ereport(ERROR, (errcode(ours ? ERRCODE_CONNECTION_FAILURE : ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("connection to node %s was lost", connection->name),
                  reason != nullptr ? errdetail_internal("%s", reason) : 0,
                  ours ? 0 : errhint("The transaction is rolled back; run it again.")));
  pg_unreachable();
}

}  // namespace

void RaiseError(Request* request) {
  if (wait_hook != nullptr) wait_hook();  // the cancel that ended it may have been a deadlock's
  if (request->error != nullptr) RaiseResult(request);
  if (request->moved) {
    ereport(ERROR,
            (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
             errmsg("a shard has moved away from node %s", request->connection->name),
             errdetail("The statement has done nothing."), errhint("Run the transaction again.")));
  }
  RaiseLost(request);
}

namespace {

/// Keeps the first column of the first row.
class FirstValue final : public RowSink {
 public:
  void Row(const PGresult* result, int row) override {
    if (seen) return;
    seen = true;
    if (PQgetisnull(result, row, 0) == 0) value = pstrdup(PQgetvalue(result, row, 0));
  }
  char* value = nullptr;
  bool seen = false;
};

}  // namespace

void Execute(Connection* connection, const char* sql) { Wait(Send(connection, {.sql = sql}, nullptr)); }

namespace {

char* Fetch(Connection* connection, const StatementText& statement) {
  FirstValue* sink = new (palloc(sizeof(FirstValue))) FirstValue;
  Wait(Send(connection, statement, sink));
  return sink->value;
}

}  // namespace

char* FetchValue(Connection* connection, const char* sql) { return Fetch(connection, {.sql = sql}); }

char* FetchValueByNode(Connection* connection, const char* sql) {
  return Fetch(connection, {.sql = sql, .by_node = true});
}

}  // namespace altius::remote
