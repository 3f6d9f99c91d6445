// SPDX-License-Identifier: PostgreSQL
#include "explain.hpp"

#include "altius/remote/control.hpp"
#include "altius/remote/standbys.hpp"
#include "altius/task/lent_rights.hpp"
#include "altius/task/local.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
}

namespace altius::executor {

namespace {

constexpr const char* kPlaceholder = "@altius_remote_plan@";

const char* FormatName(ExplainFormat format) {
  switch (format) {
    case EXPLAIN_FORMAT_XML:
      return "XML";
    case EXPLAIN_FORMAT_JSON:
      return "JSON";
    case EXPLAIN_FORMAT_YAML:
      return "YAML";
    default:
      return "TEXT";
  }
}

char* ExplainStatement(const Task& task, bool again, const ExplainState* es) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(
      &sql,
      "EXPLAIN (FORMAT %s, ANALYZE %d, VERBOSE %d, COSTS %d, BUFFERS %d, SETTINGS %d, SUMMARY %d",
      FormatName(es->format), again, es->verbose, es->costs, es->buffers, es->settings,
      again && es->summary);
  if (again) appendStringInfo(&sql, ", WAL %d, TIMING %d", es->wal, es->timing);
  appendStringInfo(&sql, ") %s", task.sql);
  return sql.data;
}

task::RowStore* Fetch(const Task& task, Arguments* arguments, const char* sql, Snapshot snapshot,
                      const task::Lending& lending) {
  const TupleDesc desc = CreateTemplateTupleDesc(1);
  TupleDescInitEntry(desc, 1, "QUERY PLAN", TEXTOID, -1, 0);
  task::RowStore* store = task::MakeRowStore(desc, true);
  if (task.local) {
    const task::LocalStatement statement = {
        .sql = sql,
        .arg_count = arguments->count,
        .arg_types = arguments->types,
        .arg_values = arguments->values,
        .arg_nulls = arguments->nulls,
        .mode = task::LocalMode::Lock,  // SPI takes EXPLAIN for a writer
        .snapshot = snapshot,
        .keep_plan = false,
        .lending = lending};
    task::RunHere(statement, store);
    return store;
  }
  MakeTexts(arguments);
  store->binary = false;
  const remote::StatementText statement = {.sql = sql,
                                           .param_count = arguments->count,
                                           .param_types = arguments->declared,
                                           .param_values = arguments->texts,
                                           .binary_rows = false,
                                           .prepare = false};
  remote::Wait(
      remote::Send(txn::Enlist(task.group, txn::Access::Read),
                   task::WithLentRights(statement, lending, false, desc), task::MakeSink(store)));
  return store;
}

/// Thousands of keys are no use to a reader of the plan.
void AppendWithoutKeys(StringInfo to, const char* text) {
  constexpr const char* call = "altius_internal.is_key(";
  for (const char* found; (found = strstr(text, call)) != nullptr;) {
    const char* keys = strstr(found, "'{");
    const char* end = keys == nullptr ? nullptr : strstr(keys, "}'::");
    if (end == nullptr) break;
    appendBinaryStringInfo(to, text, static_cast<int>(keys - text));
    appendStringInfoString(to, "'{...");
    text = end;
  }
  appendStringInfoString(to, text);
}

/// All rows of the answer, joined by newlines.
char* Join(task::RowStore* store) {
  TupleTableSlot* slot = MakeSingleTupleTableSlot(store->desc, &TTSOpsMinimalTuple);
  StringInfoData all;
  initStringInfo(&all);
  while (task::ReadRow(store, slot, false)) {
    bool is_null;
    const Datum value = slot_getattr(slot, 1, &is_null);
    if (is_null) continue;
    if (all.len > 0) appendStringInfoChar(&all, '\n');
    AppendWithoutKeys(&all, TextDatumGetCString(value));
  }
  ExecDropSingleTupleTableSlot(slot);
  task::CloseRowStore(store);
  return all.data;
}

void AppendIndented(ExplainState* es, const char* lines) {
  while (*lines != '\0') {
    const auto length = static_cast<int>(strcspn(lines, "\n"));
    appendStringInfoSpaces(es->str, es->indent * 2);
    appendBinaryStringInfo(es->str, lines, length);
    appendStringInfoChar(es->str, '\n');
    lines += length;
    if (*lines == '\n') lines++;
  }
}

/// Puts a document of the same format in the place of a property's value.
void NestDocument(ExplainState* es, const char* document) {
  ExplainPropertyText("Remote Plan", kPlaceholder, es);
  const char* quoted =
      es->format == EXPLAIN_FORMAT_JSON ? "\"@altius_remote_plan@\"" : kPlaceholder;
  char* found = nullptr;
  for (char* next = strstr(es->str->data, quoted); next != nullptr; next = strstr(next + 1, quoted))
    found = next;
  if (found == nullptr) return;
  char* rest = pstrdup(found + strlen(quoted));
  es->str->len = static_cast<int>(found - es->str->data);
  es->str->data[es->str->len] = '\0';
  appendStringInfoString(es->str, document);
  appendStringInfoString(es->str, rest);
}

/// Its address, and whether it is a standby.
const char* ServerOf(const Task& task, bool reads) {
  const remote::Connection* standby = nullptr;
  if (task.request == nullptr && reads) standby = txn::StandbyFor(task.group);
  if (task.request != nullptr && remote::IsToStandby(task.request->connection))
    standby = task.request->connection;
  if (standby != nullptr) return psprintf("%s, standby", remote::NameOf(standby));
  const remote::Address address = remote::AddressOfGroup(task.group);
  return psprintf("%s:%d", address.host, address.port);
}

}  // namespace

void OpenTask(const Task& task, bool reads, ExplainState* es) {
  // Addresses differ from cluster to cluster: like costs they are left out where the reader wants
  // the bare plan.
  char* node = psprintf("group %d", task.group);
  if (task.local) {
    node = psprintf("%s (this node)", node);
  } else if (es->costs || es->verbose) {
    node = psprintf("%s (%s)", node, ServerOf(task, reads));
  }
  if (es->format == EXPLAIN_FORMAT_TEXT) {
    appendStringInfoSpaces(es->str, es->indent * 2);
    appendStringInfo(es->str, "->  Task on %s, %d shard%s\n", node, task.shards,
                     task.shards == 1 ? "" : "s");
    es->indent += 3;
    return;
  }
  ExplainPropertyText("Node", node, es);
  ExplainPropertyInteger("Task Shards", nullptr, task.shards, es);
}

void CloseTask(ExplainState* es) {
  if (es->format == EXPLAIN_FORMAT_TEXT) es->indent -= 3;
}

void ShowRemotePlan(const FragmentState* state, const Task& task, Arguments* arguments, bool again,
                    ExplainState* es) {
  char* answer = Join(Fetch(task, arguments, ExplainStatement(task, again, es),
                            state->css.ss.ps.state->es_snapshot, LendingOf(state)));
  switch (es->format) {
    case EXPLAIN_FORMAT_TEXT:
      AppendIndented(es, answer);
      break;
    case EXPLAIN_FORMAT_JSON:
    case EXPLAIN_FORMAT_XML:
      NestDocument(es, answer);
      break;
    default:
      ExplainPropertyText("Remote Plan", answer, es);
  }
}

}  // namespace altius::executor
