// SPDX-License-Identifier: PostgreSQL
// COPY of a table that lies on shards.  The asking node reads and checks every row with PostgreSQL's own COPY code, so that a
// wrong row gives the same error as on a plain table; the line itself then goes to the shard.
#include "altius/door/door.hpp"
#include "altius/ingest/ingest.hpp"
#include "altius/pg/compat_copy.hpp"
#include "altius/remote/connection.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/plan/numbers.hpp"
#include "altius/trigger/trigger.hpp"
#include "copy_insert.hpp"
#include "lines.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/rls.h"
}

namespace altius::ingest {

namespace {

/// One COPY FROM on the asking node.
struct Reading {
  CopyFromState state;
  EState *estate;
  TupleTableSlot *slot;
  ExprState *where;      // null: none
  bool raw;              // lines are taken over as they are
  FmgrInfo *outputs;     // else their values are written anew
  bool names;            // some are names of objects
  StringInfoData line;
};

void CheckFilePermission(const CopyStmt *statement) {
  if (statement->filename == nullptr) return;
  const bool program = statement->is_program;
  const Oid role = program ? ROLE_PG_EXECUTE_SERVER_PROGRAM : ROLE_PG_READ_SERVER_FILES;
  if (has_privs_of_role(GetUserId(), role)) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  program ? errmsg("permission denied to COPY to or from an external program")
                          : errmsg("permission denied to COPY from a file"),
                  errhint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.")));
}

void RefuseGeneratedColumns(Relation shell, Node *where) {
  Bitmapset *columns = nullptr;
  pull_varattnos(where, 1, &columns);
  const bool whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, columns);
  const TupleDesc desc = RelationGetDescr(shell);
  for (int i = 0; i < desc->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(desc, i);
    if (column->attgenerated == '\0' || column->attisdropped) continue;
    if (!whole_row && !bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, columns)) continue;
    ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
                    errmsg("generated columns are not supported in COPY FROM WHERE conditions"),
                    errdetail("Column \"%s\" is a generated column.", NameStr(column->attname))));
  }
}

/// The WHERE clause as a list of conditions; null without.
Node *TransformWhere(const CopyStmt *statement, ParseState *pstate, ParseNamespaceItem *item, Relation shell) {
  if (statement->whereClause == nullptr) return nullptr;
  addNSItemToQuery(pstate, item, false, true, true);
  Node *where = transformExpr(pstate, statement->whereClause, EXPR_KIND_COPY_WHERE);
  where = coerce_to_boolean(pstate, where, "WHERE");
  assign_expr_collations(pstate, where);
  RefuseGeneratedColumns(shell, where);
  where = eval_const_expressions(nullptr, where);
  where = reinterpret_cast<Node *>(canonicalize_qual(reinterpret_cast<Expr *>(where), false));
  return reinterpret_cast<Node *>(make_ands_implicit(reinterpret_cast<Expr *>(where)));
}

/// Whether lines can go to the shards as they came: nothing in a row comes from elsewhere, and all is read there as it is here.
bool IsRaw(CopyFromState state, TupleDesc desc) {
  if (state->opts.binary || state->num_defaults != 0 || pg::HasDefaultMarker(state)) return false;
  ListCell *cell;
  foreach (cell, state->attnumlist) {
    if (!pg::IsReadAlike(TupleDescAttr(desc, lfirst_int(cell) - 1)->atttypid)) return false;
  }
  return true;
}

Reading StartReading(CopyFromState state, Relation shell, Node *where) {
  Reading reading{};
  reading.state = state;
  reading.estate = CreateExecutorState();
  reading.slot = MakeSingleTupleTableSlot(RelationGetDescr(shell), &TTSOpsVirtual);
  GetPerTupleExprContext(reading.estate)->ecxt_scantuple = reading.slot;
  if (where != nullptr) reading.where = ExecInitQual(castNode(List, where), nullptr);
  reading.names = pg::TextNamesObjects(RelationGetDescr(shell));
  reading.raw = IsRaw(state, RelationGetDescr(shell)) && !reading.names;
  if (!reading.raw) reading.outputs = MakeOutputs(RelationGetDescr(shell));
  initStringInfo(&reading.line);
  return reading;
}

/// Reads the next row that passes WHERE and finds its shard; false at the end.  Errors name the line.
bool ReadRow(Reading *reading, const catalog::Table &table, int *shard_index) {
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = CopyFromErrorCallback, .arg = reading->state};
  error_context_stack = &context;
  ExprContext *expressions = GetPerTupleExprContext(reading->estate);
  TupleTableSlot *slot = reading->slot;
  bool found = false;
  while (!found) {
    CHECK_FOR_INTERRUPTS();
    ResetPerTupleExprContext(reading->estate);
    const MemoryContext before = MemoryContextSwitchTo(GetPerTupleMemoryContext(reading->estate));
    ExecClearTuple(slot);
    const bool more = NextCopyFrom(reading->state, expressions, slot->tts_values, slot->tts_isnull);
    if (more && !pg::SkipsRow(reading->state)) {
      ExecStoreVirtualTuple(slot);
      found = reading->where == nullptr || ExecQual(reading->where, expressions);
      if (found) *shard_index = ShardOfRow(table, slot->tts_values, slot->tts_isnull);
    }
    MemoryContextSwitchTo(before);
    if (!more) break;
  }
  error_context_stack = context.previous;
  return found;
}

void RouteRow(Reading *reading, Router *router, int shard_index) {
  const auto line_number = static_cast<uint32>(reading->state->cur_lineno);
  if (reading->raw) {
    const StringInfoData &line = reading->state->line_buf;
    RouteLine(router, shard_index, line_number, line.data, line.len);
    return;
  }
  resetStringInfo(&reading->line);
  const MemoryContext before = MemoryContextSwitchTo(GetPerTupleMemoryContext(reading->estate));
  const int level = pg::BeginPortableText(reading->names);
  AppendTextLine(&reading->line, RelationGetDescr(router->shell), reading->outputs, reading->slot->tts_values,
                 reading->slot->tts_isnull);
  pg::EndPortableText(level);
  MemoryContextSwitchTo(before);
  RouteLine(router, shard_index, line_number, reading->line.data, reading->line.len);
}

void EndReading(Reading *reading) {
  ExecDropSingleTupleTableSlot(reading->slot);
  FreeExecutorState(reading->estate);
}

uint64 CopyRows(CopyFromState state, Relation shell, const catalog::Table &table, Node *where) {
  Reading reading = StartReading(state, shell, where);
  const LineFormat format = reading.raw ? RawFormat(state->opts, shell, state->attnumlist) : TextFormat(shell);
  Router router = MakeRouter(table, shell, format);
  int shard_index;
  while (ReadRow(&reading, table, &shard_index)) RouteRow(&reading, &router, shard_index);
  FinishRouter(&router);
  EndReading(&reading);
  return router.lines;
}

uint64 InsertRows(CopyFromState state, Relation shell, const catalog::Table &table, Node *where) {
  Reading reading = StartReading(state, shell, where);
  CopiedRows rows(shell);
  int shard_index;
  while (ReadRow(&reading, table, &shard_index)) rows.Add(reading.slot, state->cur_lineno);
  pg::TellSkippedRows(state);
  const uint64 inserted = rows.Insert(state->attnumlist);
  EndReading(&reading);
  return inserted;
}

uint64 FillShards(CopyFromState state, Relation shell, const catalog::Table &table, Node *where) {
  trigger::Statement *modification = trigger::BeginStatement(state, CurrentMemoryContext);
  trigger::Announce(modification, trigger::InsertInto(table.relid));
  const uint64 lines = CopyRows(state, shell, table, where);
  pg::TellSkippedRows(state);
  trigger::EndStatement(modification);
  return lines;
}

void RefuseFreeze(ParseState *pstate, const CopyStmt *statement) {
  CopyFormatOptions options{};
  ProcessCopyOptions(pstate, &options, true, statement->options);
  if (!options.freeze) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("COPY FREEZE is not supported on distributed tables")));
}

/// Takes the option out that says that frames follow; its value, or null when there is none.
char *TakeFramesOption(List **options) {
  ListCell *cell;
  foreach (cell, *options) {
    DefElem *option = lfirst_node(DefElem, cell);
    if (strcmp(option->defname, kFramesOption) != 0) continue;
    if (!door::IsNodeStatement()) {
      ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("option \"%s\" not recognized", option->defname)));
    }
    char *value = defGetString(option);
    *options = list_delete_ptr(list_copy(*options), option);
    return value;
  }
  return nullptr;
}

/// Only who may become the owner may have rows written as the owner.
bool TakeAsOwnerOption(List **options, Relation shell) {
  ListCell *cell;
  foreach (cell, *options) {
    if (strcmp(lfirst_node(DefElem, cell)->defname, kAsOwnerOption) != 0) continue;
    if (!has_privs_of_role(GetUserId(), shell->rd_rel->relowner))
      aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(shell));
    *options = list_delete_ptr(list_copy(*options), lfirst(cell));
    return true;
  }
  return false;
}

/// Defaults that draw from a sequence all nodes know do it on the coordinator.
void AskForNumbers(CopyFromState state) {
  for (int i = 0; i < state->num_defaults; i++) {
    ExprState *&value = pg::DefaultOf(state, i);
    Node *expr = reinterpret_cast<Node *>(value->expr);
    Node *asking = plan::AskForNumbers(expr);
    if (asking != expr) value = ExecInitExpr(reinterpret_cast<Expr *>(asking), nullptr);
  }
}

uint64 CopyTableFrom(const CopyStmt *statement, ParseState *pstate, const catalog::Table &table) {
  CheckFilePermission(statement);
  const Relation shell = table_open(table.relid, RowExclusiveLock);
  ParseNamespaceItem *item = addRangeTableEntryForRelation(pstate, shell, RowExclusiveLock, nullptr, false, false);
  Node *where = TransformWhere(statement, pstate, item, shell);
  const List *attnums = CopyGetAttnums(RelationGetDescr(shell), shell, statement->attlist);
  pg::CheckInsertPermission(pstate, item, attnums);
  if (check_enable_rls(table.relid, InvalidOid, false) == RLS_ENABLED) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("COPY FROM not supported with row-level security"),
                    errhint("Use INSERT statements instead.")));
  }
  if (XactReadOnly) PreventCommandIfReadOnly("COPY FROM");
  List *options = statement->options;
  uint64 lines;
  if (const char *settings = TakeFramesOption(&options)) {
    if (statement->filename != nullptr || where != nullptr) {
      ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("frames of rows come from another node only")));
    }
    const bool as_owner = TakeAsOwnerOption(&options, shell);
    const LineFormat format = {.columns = statement->attlist, .options = options, .as_owner = as_owner};
    lines = ReceiveFrames(shell, table, format, settings);
  } else {
    RefuseFreeze(pstate, statement);
    const CopyFromState state = BeginCopyFrom(pstate, shell, where, statement->filename, statement->is_program, nullptr,
                                              statement->attlist, options);
    AskForNumbers(state);
    const bool inserts = WritesMore(state, shell) || RefersToItself(shell) || InsertsCopies(table, shell);
    lines = inserts ? InsertRows(state, shell, table, where) : FillShards(state, shell, table, where);
    EndCopyFrom(state);
  }
  table_close(shell, NoLock);
  return lines;
}

}  // namespace

namespace {

/// The table that the statement names, locked, if its rows lie on shards.
const catalog::Table *TableOf(const CopyStmt &statement) {
  if (statement.relation == nullptr || IsCopyOfPart(statement)) return nullptr;
  const LOCKMODE lock = statement.is_from ? RowExclusiveLock : AccessShareLock;
  const Oid relid = RangeVarGetRelid(statement.relation, lock, true);
  const catalog::Table *table = OidIsValid(relid) ? catalog::FindTable(relid) : nullptr;
  return table == nullptr || table->kind == catalog::TableKind::Local ? nullptr : table;
}

}  // namespace

CopyStmt *CopyAsQuery(const CopyStmt *statement) {
  const catalog::Table *table = statement->is_from ? nullptr : TableOf(*statement);
  return table == nullptr ? nullptr : CopyTableTo(*statement, table->relid);
}

bool FillsShards(const CopyStmt *statement) { return statement->is_from && TableOf(*statement) != nullptr; }

bool HandleCopy(CopyStmt *statement, ParseState *pstate, const char *, QueryCompletion *completion) {
  if (statement->relation == nullptr) return false;
  const bool part = IsCopyOfPart(*statement);
  const catalog::Table *table = part || !statement->is_from ? nullptr : TableOf(*statement);
  if (!part && table == nullptr) return false;
  const uint64 processed = part ? CopyPart(*statement) : CopyTableFrom(statement, pstate, *table);
  if (completion != nullptr) SetQueryCompletion(completion, CMDTAG_COPY, processed);
  return true;
}

}  // namespace altius::ingest
