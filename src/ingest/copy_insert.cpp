// SPDX-License-Identifier: PostgreSQL
#include "copy_insert.hpp"

#include "altius/pg/pg.hpp"
#include "altius/task/copies.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
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

void CopiedRows::Add(TupleTableSlot *row) {
  tuplestore_puttupleslot(rows_, row);
  count_++;
}

uint64 CopiedRows::Insert(const List *attnums) {
  if (count_ == 0) return 0;
  SPI_connect();
  EphemeralNamedRelationData named = NamedRows(shell_, rows_, count_);
  if (SPI_register_relation(&named) < 0) elog(ERROR, "could not name the rows of COPY");
  if (SPI_execute(InsertCommand(shell_, attnums), false, 0) < 0) elog(ERROR, "could not insert the rows of COPY");
  const uint64 inserted = SPI_processed;
  SPI_finish();
  tuplestore_end(rows_);
  return inserted;
}

}  // namespace altius::ingest
