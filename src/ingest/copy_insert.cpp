// SPDX-License-Identifier: PostgreSQL
#include "copy_insert.hpp"

#include "altius/pg/pg.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/task/copies.hpp"
#include "altius/task/errors.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace altius::ingest {

namespace {

constexpr const char *kRowsName = "altius_copied_rows";
constexpr int kMostLines = 10000;  // where the one is looked for at which COPY failed

/// Foreign keys are checked when all rows are there.
bool IsOfOneRow(const ErrorData &error) {
  const int kind = ERRCODE_TO_CATEGORY(error.sqlerrcode);
  if (error.sqlerrcode == ERRCODE_FOREIGN_KEY_VIOLATION) return false;
  return kind == ERRCODE_DATA_EXCEPTION || kind == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || kind == ERRCODE_PLPGSQL_ERROR;
}

/// Values of columns that COPY does not name are defaults, which whoever may write those columns inserts as they are.
bool IsInserted(const Form_pg_attribute column, bool all, const List *attnums) {
  if (column->attisdropped || column->attgenerated != '\0') return false;
  return all || list_member_int(attnums, column->attnum);
}

bool MayWriteAll(Relation shell) {
  return pg_class_aclcheck(RelationGetRelid(shell), GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}

char *InsertCommand(Relation shell, const List *attnums) {
  const bool all = MayWriteAll(shell);
  StringInfoData columns;
  initStringInfo(&columns);
  for (int i = 0; i < RelationGetNumberOfAttributes(shell); i++) {
    const Form_pg_attribute column = TupleDescAttr(RelationGetDescr(shell), i);
    if (!IsInserted(column, all, attnums)) continue;
    appendStringInfo(&columns, "%s%s", columns.len == 0 ? "" : ", ", quote_identifier(NameStr(column->attname)));
  }
  const char *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(shell)), RelationGetRelationName(shell));
  return psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s", name, columns.data, columns.data, kRowsName);
}

EphemeralNamedRelationData NamedRows(Relation shell, Tuplestorestate *rows, uint64 count) {
  EphemeralNamedRelationData named{};
  named.md.name = pstrdup(kRowsName);
  named.md.reliddesc = RelationGetRelid(shell);
  named.md.enrtype = ENR_NAMED_TUPLESTORE;
  named.md.enrtuples = static_cast<double>(count);
  named.reldata = rows;
  return named;
}

}  // namespace

bool InsertsCopies(const catalog::Table &table, Relation shell) {
  if (table.kind != catalog::TableKind::Reference || table.shards[0].group_count < 2) return false;
  const core::CopyStatement statement = task::DescribeCopies(shell, true, TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT);
  const plan::Copies copies = task::CopiesFor(statement, shell);
  if (copies.carried) return true;
  task::LockCopies(task::WriteOf(table, copies, 0));
  return false;
}

bool RefersToItself(Relation shell) {
  if (RelationGetForm(shell)->relkind == RELKIND_PARTITIONED_TABLE) return false;
  ListCell *cell;
  foreach (cell, RelationGetFKeyList(shell)) {
    if (lfirst_node(ForeignKeyCacheInfo, cell)->confrelid == RelationGetRelid(shell)) return true;
  }
  return false;
}

bool WritesMore(const CopyFromState state, Relation shell) { return state->num_defaults != 0 && !MayWriteAll(shell); }

CopiedRows::CopiedRows(Relation shell) : shell_(shell), rows_(tuplestore_begin_heap(true, false, work_mem)) {}

void CopiedRows::Add(TupleTableSlot *row, uint64 line) {
  tuplestore_puttupleslot(rows_, row);
  if (lines_.size() < kMostLines) lines_.push_back(line);
  count_++;
}

uint64 CopiedRows::InsertFrom(const char *command, Tuplestorestate *rows, uint64 count) const {
  SPI_connect();
  EphemeralNamedRelationData named = NamedRows(shell_, rows, count);
  if (SPI_register_relation(&named) < 0) elog(ERROR, "could not name the rows of COPY");
  task::WithShardsHidden(command, [&] {
    if (SPI_execute(command, false, 0) < 0) elog(ERROR, "could not insert the rows of COPY");
  });
  const uint64 inserted = SPI_processed;
  SPI_finish();
  return inserted;
}

/// `line` is that of the row which is inserted.
void CopiedRows::InsertOneByOne(const char *command, uint64 *line) {
  TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(shell_), &TTSOpsMinimalTuple);
  tuplestore_rescan(rows_);
  for (const uint64 number : lines_) {
    CHECK_FOR_INTERRUPTS();
    *line = number;
    if (!tuplestore_gettupleslot(rows_, true, true, slot)) break;
    Tuplestorestate *row = tuplestore_begin_heap(true, false, work_mem);
    tuplestore_puttupleslot(row, slot);
    (void)InsertFrom(command, row, 1);
    tuplestore_end(row);
  }
  *line = 0;
  ExecDropSingleTupleTableSlot(slot);
}

/// The statement does not know which row it was: they are inserted one by one, and then not at all.
void CopiedRows::RaiseWithLine(const char *command, ErrorData *error) {
  uint64 line = 0;
  if (IsOfOneRow(*error) && count_ <= kMostLines) {
    const ErrorData *again = pg::Try([&] { InsertOneByOne(command, &line); });
    if (again == nullptr || again->sqlerrcode != error->sqlerrcode) line = 0;
  }
  if (line > 0) {
    const char *what = psprintf("COPY %s, line " UINT64_FORMAT, RelationGetRelationName(shell_), line);
    error->context = error->context == nullptr ? pstrdup(what) : psprintf("%s\n%s", error->context, what);
  }
  ReThrowError(error);
  pg_unreachable();
}

uint64 CopiedRows::Insert(const List *attnums) {
  if (count_ == 0) return 0;
  const char *command = InsertCommand(shell_, attnums);
  uint64 inserted = 0;
  ErrorData *error = pg::Try([&] { inserted = InsertFrom(command, rows_, count_); });
  if (error != nullptr) RaiseWithLine(command, error);
  tuplestore_end(rows_);
  return inserted;
}

}  // namespace altius::ingest
