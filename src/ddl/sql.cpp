// SPDX-License-Identifier: PostgreSQL
#include "sql.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/remote/role_tests.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace altius::ddl {

Value OidValue(Oid value) { return {OIDOID, ObjectIdGetDatum(value)}; }
Value TextValue(const char* value) { return {TEXTOID, CStringGetTextDatum(value)}; }

int BeginQualifiedNames() {
  int level = NewGUCNestLevel();
  (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                          true, 0, false);
  return level;
}

void EndQualifiedNames(int nest_level) { AtEOXact_GUC(true, nest_level); }

namespace {

void SetForNow(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

}  // namespace

int BeginLocalPlanning() {
  int level = NewGUCNestLevel();
  SetForNow("altius.plan_locally", "on");
  return level;
}

int BeginCommandsOfOthers() {
  int level = BeginLocalPlanning();
  SetForNow("check_function_bodies", "off");
  SetForNow("client_min_messages", "warning");
  return level;
}

void EndLocalPlanning(int nest_level) { AtEOXact_GUC(true, nest_level); }

List* QueryRows(const char* sql, std::initializer_list<Value> values) {
  MemoryContext caller = CurrentMemoryContext;
  Oid types[8];
  Datum datums[8];
  int count = 0;
  for (const Value& value : values) {
    types[count] = value.type;
    datums[count++] = value.datum;
  }
  CommandCounterIncrement();
  const int level = NewGUCNestLevel();  // shards are relations to us
  SetForNow("citus.override_table_visibility", "off");
  SetForNow("max_parallel_workers_per_gather", "0");  // the arms of a UNION ALL come in their order
  const int texts = pg::BeginOwnSql();
  SPI_connect();
  if (SPI_execute_with_args(sql, count, types, datums, nullptr, false, 0) != SPI_OK_SELECT)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg_internal("could not read the catalogs: %s", sql)));
  List* rows = NIL;
  TupleDesc columns = SPI_tuptable->tupdesc;
  for (uint64 i = 0; i < SPI_processed; i++) {
    MemoryContext previous = MemoryContextSwitchTo(caller);
    auto** row = static_cast<char**>(palloc0(sizeof(char*) * columns->natts));
    for (int column = 1; column <= columns->natts; column++)
      row[column - 1] = SPI_getvalue(SPI_tuptable->vals[i], columns, column);
    rows = lappend(rows, row);
    MemoryContextSwitchTo(previous);
  }
  SPI_finish();
  pg::EndPortableText(texts);
  AtEOXact_GUC(true, level);
  return rows;
}

List* QueryTexts(const char* sql, std::initializer_list<Value> values) {
  List* texts = NIL;
  ListCell* cell;
  foreach (cell, QueryRows(sql, values)) {
    char* text_value = static_cast<char**>(lfirst(cell))[0];
    if (text_value != nullptr) texts = lappend(texts, text_value);
  }
  return texts;
}

char* QueryText(const char* sql, std::initializer_list<Value> values) {
  List* texts = QueryTexts(sql, values);
  return texts == NIL ? nullptr : static_cast<char*>(linitial(texts));
}

Oid QueryOid(const char* sql, std::initializer_list<Value> values) {
  char* value = QueryText(sql, values);
  return value == nullptr ? InvalidOid : static_cast<Oid>(strtoul(value, nullptr, 10));
}

List* QueryOids(const char* sql, std::initializer_list<Value> values) {
  List* oids = NIL;
  ListCell* cell;
  foreach (cell, QueryTexts(sql, values))
    oids =
        lappend_oid(oids, static_cast<Oid>(strtoul(static_cast<char*>(lfirst(cell)), nullptr, 10)));
  return oids;
}

char* QualifiedName(Oid relid) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
                                    get_rel_name(relid));
}

char* TextArrayLiteral(List* texts) {
  StringInfoData array;
  initStringInfo(&array);
  appendStringInfoString(&array, "ARRAY[");
  ListCell* cell;
  foreach (cell, texts) {
    if (cell != list_head(texts)) appendStringInfoChar(&array, ',');
    appendStringInfoString(&array, quote_literal_cstr(static_cast<char*>(lfirst(cell))));
  }
  appendStringInfoString(&array, "]::text[]");
  return array.data;
}

namespace {

void Run(Node* statement, const char* sql, ProcessUtilityContext context) {
  PlannedStmt* planned = makeNode(PlannedStmt);
  planned->commandType = CMD_UTILITY;
  planned->utilityStmt = statement;
  planned->stmt_location = -1;
  CommandCounterIncrement();
  const bool pushed = !ActiveSnapshotSet();
  if (pushed) PushActiveSnapshot(GetTransactionSnapshot());
  ProcessUtility(planned, sql == nullptr ? "" : sql, false, context, nullptr, nullptr,
                 None_Receiver, nullptr);
  if (pushed) PopActiveSnapshot();
  CommandCounterIncrement();
}

}  // namespace

void RunUtility(Node* statement, const char* sql) {
  Run(statement, sql, PROCESS_UTILITY_SUBCOMMAND);
}

namespace {

/// PostgreSQL takes the parse tree of a query for one that has been analysed, and reads what is not there.
void RequireCommand(Node* statement) {
  RawStmt* raw = makeNode(RawStmt);
  raw->stmt = statement;
  const bool other = IsA(statement, CallStmt) || IsA(statement, CopyStmt) || IsA(statement, TransactionStmt);
  if (!other && !analyze_requires_snapshot(raw)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("this is no command about objects"),
                  errhint("Nodes tell each other such commands; use SQL to run others.")));
}

/// For later.
bool NotesSettings(const Node* statement) {
  return IsA(statement, CreateFunctionStmt) || IsA(statement, AlterFunctionStmt) || IsA(statement, AlterRoleSetStmt) ||
         IsA(statement, AlterDatabaseSetStmt);
}

}  // namespace

void RunWholeUtility(Node* statement, const char* sql) {
  RequireCommand(statement);
  if (!NotesSettings(statement)) return Run(statement, sql, PROCESS_UTILITY_QUERY);
  const remote::RoleTests tests;
  pg::Call([&] { Run(statement, sql, PROCESS_UTILITY_QUERY); });
}

void RunQuery(const char* sql) {
  CommandCounterIncrement();
  const int level = pg::BeginOwnSql();
  SPI_connect();
  if (SPI_execute(sql, false, 0) < 0)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg_internal("could not run: %s", sql)));
  SPI_finish();
  pg::EndPortableText(level);
  CommandCounterIncrement();
}

List* ParseOwn(const char* sql) {
  const int level = pg::BeginPortableText();
  List* statements = raw_parser(sql, RAW_PARSE_DEFAULT);
  pg::EndPortableText(level);
  return statements;
}

void RunCommand(const char* sql) {
  ListCell* cell;
  foreach (cell, ParseOwn(sql)) RunUtility(lfirst_node(RawStmt, cell)->stmt, sql);
}

}  // namespace altius::ddl
