// SPDX-License-Identifier: PostgreSQL
#include "ask.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/task/shard_writes.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "executor/spi.h"
#include "parser/parser.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
}

namespace altius::cluster {
namespace {

/// Keeps the first value and counts rows and columns.
class ValueSink final : public remote::RowSink {
 public:
  ValueSink() : home_(CurrentMemoryContext) {}

  void Columns(const PGresult* result) override { returns_rows = PQnfields(result) > 0; }
  void Row(const PGresult* result, int row) override {
    columns = PQnfields(result);
    if (rows++ > 0 || columns == 0 || PQgetisnull(result, row, 0)) return;
    value = MemoryContextStrdup(home_, PQgetvalue(result, row, 0));
  }

  char* value = nullptr;
  int64 rows = 0;
  int columns = 1;
  bool returns_rows = false;

 private:
  MemoryContext home_;
};

struct Pending {
  remote::Request* request;
  ValueSink* sink;
  remote::Request* path_set;  // null within the transaction: those statements qualify all names
  remote::Request* path_reset;
};

/// What PostgreSQL says when the statement is done: its tag, with the number of rows where there is
/// one.
char* TagOf(const char* sql, int64 affected) {
  List* statements = raw_parser(sql, RAW_PARSE_DEFAULT);
  if (statements == NIL) return pstrdup("");
  const CommandTag tag = CreateCommandTag(linitial_node(RawStmt, statements)->stmt);
  const char* name = GetCommandTagName(tag);
  if (!command_tag_display_rowcount(tag)) return pstrdup(name);
  return psprintf(tag == CMDTAG_INSERT ? "%s 0 " INT64_FORMAT : "%s " INT64_FORMAT, name, affected);
}

Answer Judge(char* value, int64 rows, int columns) {
  if (columns > 1) return {false, pstrdup("expected a single column in the result")};
  if (rows > 1) return {false, pstrdup("expected a single row in the result")};
  return {true, value};
}

Answer RunHere(const char* sql) {
  MemoryContext home = CurrentMemoryContext;
  SPI_connect();
  const int code = SPI_execute(sql, false, 0);
  if (code < 0) ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("cannot run \"%s\"", sql)));
  const bool returned = SPI_tuptable != nullptr;
  const int64 rows = returned ? static_cast<int64>(SPI_processed) : 0;
  const int columns = returned ? SPI_tuptable->tupdesc->natts : 1;
  const int64 affected = static_cast<int64>(SPI_processed);
  char* value = nullptr;
  if (rows > 0 && columns > 0) {
    value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    if (value != nullptr) value = MemoryContextStrdup(home, value);
  }
  SPI_finish();
  MemoryContextSwitchTo(home);
  return returned ? Judge(value, rows, columns) : Answer{true, TagOf(sql, affected)};
}

Answer AskHere(const char* sql, Scope scope) {
  if (scope == Scope::Transaction) return RunHere(sql);
  Answer answer{};
  ErrorData* error = pg::Try([&] { answer = RunHere(sql); });
  return error == nullptr ? answer : Answer{false, error->message};
}

remote::Request* SendText(remote::Connection* connection, const char* sql, remote::RowSink* sink) {
  remote::StatementText statement;
  statement.sql = sql;
  return remote::Send(connection, statement, sink);
}

/// A user's statement means the same names on the other node as it does here.
Pending SendTo(const Question& question, Scope scope) {
  auto* sink = new (palloc(sizeof(ValueSink))) ValueSink();
  const char* text = psprintf("%s%s", task::kUsersMark, question.sql);
  if (scope != Scope::Outside) {
    remote::Connection* connection = txn::Enlist(question.group, txn::Access::Read);
    return {SendText(connection, text, sink), sink, nullptr, nullptr};
  }
  remote::Connection* connection = txn::OutsideTransaction(question.group);
  const char* path = quote_literal_cstr(GetConfigOption("search_path", false, false));
  Pending sent{};
  sent.sink = sink;
  sent.path_set =
      SendText(connection, psprintf("SELECT pg_catalog.set_config('search_path', %s, false)", path),
               nullptr);
  sent.request = SendText(connection, text, sink);
  sent.path_reset = SendText(connection, "RESET search_path", nullptr);
  return sent;
}

char* ErrorOf(remote::Request* request) {
  const char* message = request->error == nullptr
                            ? nullptr
                            : PQresultErrorField(request->error, PG_DIAG_MESSAGE_PRIMARY);
  return pstrdup(message == nullptr ? "connection lost" : message);
}

Answer AnswerOf(const Pending& pending, const char* sql) {
  if (pending.request->failed) return {false, ErrorOf(pending.request)};
  const ValueSink& sink = *pending.sink;
  if (sink.rows > 0 || sink.returns_rows) return Judge(sink.value, sink.rows, sink.columns);
  return {true, TagOf(sql, pending.request->affected)};
}

void WaitFor(remote::Request** requests, int count, Scope scope) {
  if (scope == Scope::Transaction) {
    remote::WaitAll(requests, count);
  } else {
    remote::WaitAllQuietly(requests, count);
  }
}

/// Sends what goes elsewhere; a node that can't be reached is an answer, too.
void SendAll(const pg::Array<Question>& questions, Scope scope, bool parallel,
             pg::Array<Pending>* pending, pg::Array<Answer>* answers) {
  const int here = catalog::LocalGroup();
  for (int i = 0; i < questions.size(); i++) {
    Pending sent{};
    if (questions[i].group != here) {
      ErrorData* error = nullptr;
      if (scope == Scope::Transaction) {
        sent = SendTo(questions[i], scope);
      } else {
        error = pg::Try([&] { sent = SendTo(questions[i], scope); });
      }
      if (error != nullptr) (*answers)[i] = {false, error->message};
      if (error == nullptr && !parallel) WaitFor(&sent.request, 1, scope);  // one node at a time
    }
    pending->push_back(sent);
  }
}

}  // namespace

pg::Array<Answer> Ask(const pg::Array<Question>& questions, Scope scope, bool parallel) {
  pg::Array<Answer> answers;
  answers.resize(questions.size());
  pg::Array<Pending> pending;
  SendAll(questions, scope, parallel, &pending, &answers);

  const int here = catalog::LocalGroup();
  pg::Array<remote::Request*> requests;
  for (int i = 0; i < questions.size(); i++) {
    if (questions[i].group == here) answers[i] = AskHere(questions[i].sql, scope);
    for (remote::Request* sent : {pending[i].path_set, pending[i].request, pending[i].path_reset}) {
      if (sent != nullptr) requests.push_back(sent);
    }
  }
  if (!requests.empty()) WaitFor(requests.data(), requests.size(), scope);
  for (int i = 0; i < questions.size(); i++) {
    if (pending[i].request != nullptr) answers[i] = AnswerOf(pending[i], questions[i].sql);
  }
  return answers;
}

}  // namespace altius::cluster
