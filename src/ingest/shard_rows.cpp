// SPDX-License-Identifier: PostgreSQL
#include "altius/ingest/shard_rows.hpp"

#include "altius/pg/compat_copy.hpp"
#include "altius/pg/names_input.hpp"
#include "altius/pg/quiet_rows.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/text_forms.hpp"
#include "lines.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace altius::ingest {

Relation OpenShard(const catalog::Table& table, const catalog::Shard& shard, LOCKMODE lock) {
  const char* name = catalog::ShardName(table, shard);
  const Oid relid = catalog::RelationOfShard(table, shard, lock);
  if (!OidIsValid(relid))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("shard \"%s\" does not exist on this node", name)));
  Relation relation = table_open(relid, NoLock);
  if (relation->rd_rel->relkind != RELKIND_RELATION) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not the shard of \"%s\" any more", name, table.name),
                    errdetail("It is partitioned.")));
  }
  return relation;
}

namespace {

bool ReadRow(CopyFromState state, pg::QuietRows* rows) {
  CHECK_FOR_INTERRUPTS();
  TupleTableSlot* slot = pg::NextQuietRow(rows);
  const MemoryContext before = MemoryContextSwitchTo(pg::MemoryOfQuietRows(rows));
  const bool read = NextCopyFrom(state, pg::ContextOfQuietRows(rows), slot->tts_values, slot->tts_isnull);
  MemoryContextSwitchTo(before);
  if (read) pg::AddQuietRow(rows);
  return read;
}

/// Values are rows' already: those of domains may be older than a check that is NOT VALID.
void ReadAsBaseType(CopyFromState state, int column, Oid base) {
  Oid function;
  if (state->opts.binary) {
    getTypeBinaryInputInfo(base, &function, &state->typioparams[column]);
  } else {
    getTypeInputInfo(base, &function, &state->typioparams[column]);
  }
  fmgr_info_cxt(function, &state->in_functions[column], state->copycontext);
}

void ReadAsStored(CopyFromState state, Relation relation) {
  ListCell* cell;
  foreach (cell, state->attnumlist) {
    const int column = lfirst_int(cell) - 1;
    const Oid type = TupleDescAttr(RelationGetDescr(relation), column)->atttypid;
    const Oid base = getBaseType(type);
    if (base != type) ReadAsBaseType(state, column, base);
    if (!state->opts.binary) pg::ReadNamesFreely(&state->in_functions[column], base);
  }
}

uint64 CopyRows(Relation relation, List* columns, List* options, copy_data_source_cb read, pg::Keys keys) {
  CopyFromState state = BeginCopyFrom(nullptr, relation, nullptr, nullptr, false, read, columns, options);
  ReadAsStored(state, relation);
  ErrorContextCallback line = {error_context_stack, CopyFromErrorCallback, state};
  error_context_stack = &line;
  pg::QuietRows* rows = pg::BeginQuietRows(relation, keys);
  while (ReadRow(state, rows)) {
  }
  const uint64 written = pg::EndQuietRows(rows);
  error_context_stack = line.previous;
  EndCopyFrom(state);
  return written;
}

}  // namespace

uint64 FillTable(Relation relation, List* columns, List* options, copy_data_source_cb read, pg::Keys keys) {
  return pg::AsOwner(relation->rd_rel->relowner, [&] { return CopyRows(relation, columns, options, read, keys); });
}

void ReadLines(Relation relation, Snapshot snapshot, LineConsumer consume, void* argument) {
  const TupleDesc desc = RelationGetDescr(relation);
  FmgrInfo* outputs = MakeOutputs(desc);
  const int level = pg::BeginPortableText(pg::TextNamesObjects(desc));
  StringInfoData line;
  initStringInfo(&line);
  const MemoryContext row_memory = AllocSetContextCreate(CurrentMemoryContext, "altius row of a shard", ALLOCSET_DEFAULT_SIZES);
  const TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    slot_getallattrs(slot);
    resetStringInfo(&line);
    const MemoryContext before = MemoryContextSwitchTo(row_memory);
    AppendTextLine(&line, desc, outputs, slot->tts_values, slot->tts_isnull);
    MemoryContextSwitchTo(before);
    MemoryContextReset(row_memory);
    appendStringInfoChar(&line, '\n');
    consume(&line, argument);
  }
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  MemoryContextDelete(row_memory);
  pg::EndPortableText(level);
}

}  // namespace altius::ingest
