// SPDX-License-Identifier: PostgreSQL
// Rows are changed below the executor: no trigger fires, no constraint but uniqueness is looked at,
// for all that happened on the source.  Generated columns don't come and are computed.
#include "apply_table.hpp"

#include "altius/pg/names_input.hpp"
#include "binary_types.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/nodeModifyTable.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::rebalance {

void SetUpReading(Oid type, int32 modifier, bool binary, Reading* reading) {
  Oid function;
  getTypeInputInfo(type, &function, &reading->text_argument);
  fmgr_info(function, &reading->text);
  pg::ReadNamesFreely(&reading->text, type);
  if (binary) {
    getTypeBinaryInputInfo(type, &function, &reading->binary_argument);
    fmgr_info(function, &reading->binary);
  }
  reading->modifier = modifier;
}

Datum ReadValue(Reading* reading, const core::ColumnValue& value) {
  auto* data = const_cast<char*>(value.data);
  data[value.length] =
      '\0';  // the next column's kind, which has been read, or the end of libpq's buffer
  if (value.kind == core::ColumnKind::Text)
    return InputFunctionCall(&reading->text, data, reading->text_argument, reading->modifier);
  if (!OidIsValid(reading->binary.fn_oid))
    elog(ERROR, "unexpected binary value in the stream of changes");
  StringInfoData buffer{};
  buffer.data = data;
  buffer.len = value.length;
  buffer.maxlen = value.length + 1;
  return ReceiveFunctionCall(&reading->binary, &buffer, reading->binary_argument,
                             reading->modifier);
}

namespace {

void MapColumns(ApplyTable* table, const StreamColumn* columns, int count) {
  TupleDesc descriptor = RelationGetDescr(table->relation);
  table->column_of = static_cast<int*>(palloc(sizeof(int) * descriptor->natts));
  table->is_key = static_cast<bool*>(palloc0(sizeof(bool) * descriptor->natts));
  table->readings = static_cast<Reading*>(palloc0(sizeof(Reading) * descriptor->natts));
  int mapped = 0;
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    table->column_of[i] = -1;
    if (attribute->attisdropped) continue;
    if (attribute->attgenerated != '\0') {
      table->has_generated = true;
      continue;
    }
    for (int column = 0; column < count; column++) {
      if (strcmp(columns[column].name, NameStr(attribute->attname)) == 0)
        table->column_of[i] = column;
    }
    if (table->column_of[i] < 0) continue;
    table->is_key[i] = columns[table->column_of[i]].key;
    mapped++;
    // A row may be older than a check of its domain that is NOT VALID.
    SetUpReading(getBaseType(attribute->atttypid), attribute->atttypmod, TravelsInBinary(attribute->atttypid),
                 &table->readings[i]);
  }
  if (mapped == count) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the columns of \"%s\" have changed while it was copied",
                         RelationGetRelationName(table->relation)),
                  errhint("Move it again.")));
}

/// Fills the slot's values; what is unchanged comes from `before`, which may be null.
void Fill(ApplyTable* table, TupleTableSlot* slot, const core::RowImage& row,
          TupleTableSlot* before) {
  ExecClearTuple(slot);
  if (before != nullptr) slot_getallattrs(before);
  for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++) {
    const int column = table->column_of[i];
    slot->tts_values[i] = 0;
    slot->tts_isnull[i] = true;
    if (column < 0 || column >= row.count) continue;
    const core::ColumnValue& value = row.columns[column];
    if (value.kind == core::ColumnKind::Unchanged) {
      if (before == nullptr) continue;
      slot->tts_values[i] = before->tts_values[i];
      slot->tts_isnull[i] = before->tts_isnull[i];
    } else if (value.kind != core::ColumnKind::Null) {
      slot->tts_values[i] = ReadValue(&table->readings[i], value);
      slot->tts_isnull[i] = false;
    }
  }
  ExecStoreVirtualTuple(slot);
}

void Generate(ApplyTable* table, TupleTableSlot* slot) {
  if (!table->has_generated) return;
  ExecComputeStoredGenerated(table->info, table->estate, slot, CMD_INSERT);
}

void EndRow(ApplyTable* table) {
  table->changed = true;
  ExecClearTuple(table->fresh);
  ExecClearTuple(table->wanted);
  ExecClearTuple(table->found);
  ResetPerTupleExprContext(table->estate);
}

void RequireFound(ApplyTable* table, bool whole) {
  SeeChanges(table);
  if (FindRow(table, whole)) return;
  ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                  errmsg("a row of \"%s\" that has changed on the source was not found",
                         RelationGetRelationName(table->relation))));
}

/// The values of a change live as long as the change.
struct InRowMemory {
  explicit InRowMemory(ApplyTable* table)
      : before(MemoryContextSwitchTo(GetPerTupleMemoryContext(table->estate))) {}
  void End() const { MemoryContextSwitchTo(before); }
  MemoryContext before;
};

}  // namespace

ApplyTable* OpenApplyTable(Oid relid, const StreamColumn* columns, int count) {
  auto* table = static_cast<ApplyTable*>(palloc0(sizeof(ApplyTable)));
  table->relation = table_open(relid, RowExclusiveLock);
  if (table->relation->rd_rel->relkind != RELKIND_RELATION) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a table", RelationGetRelationName(table->relation))));
  }
  MapColumns(table, columns, count);
  table->estate = CreateExecutorState();
  table->info = makeNode(ResultRelInfo);
  InitResultRelInfo(table->info, table->relation, 1, nullptr, 0);
  table->info->ri_TrigDesc = nullptr;
  ExecOpenIndices(table->info, false);
  TupleDesc descriptor = RelationGetDescr(table->relation);
  table->fresh = MakeSingleTupleTableSlot(descriptor, table_slot_callbacks(table->relation));
  table->wanted = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
  table->found = table_slot_create(table->relation, nullptr);
  ChooseIndex(table);
  return table;
}

void CloseApplyTable(ApplyTable* table) {
  SeeChanges(table);  // it may be opened again in this transaction: the source describes a table anew when it likes
  ExecDropSingleTupleTableSlot(table->fresh);
  ExecDropSingleTupleTableSlot(table->wanted);
  ExecDropSingleTupleTableSlot(table->found);
  if (table->scan != nullptr) index_endscan(table->scan);
  ExecCloseIndices(table->info);
  FreeExecutorState(table->estate);
  table_close(table->relation, NoLock);
}

void InsertRow(ApplyTable* table, const core::RowImage& row) {
  const InRowMemory memory(table);
  Fill(table, table->fresh, row, nullptr);
  Generate(table, table->fresh);
  simple_table_tuple_insert(table->relation, table->fresh);
  pg::AddIndexEntries(table->info, table->fresh, table->estate, false);
  memory.End();
  EndRow(table);
}

void UpdateRow(ApplyTable* table, core::OldRow kind, const core::RowImage& old_row,
               const core::RowImage& new_row) {
  const InRowMemory memory(table);
  Fill(table, table->wanted, kind == core::OldRow::None ? new_row : old_row, nullptr);
  RequireFound(table, kind == core::OldRow::Whole);
  Fill(table, table->fresh, new_row, table->found);
  Generate(table, table->fresh);
  pg::UpdateRow(table->info, &table->found->tts_tid, table->fresh, table->estate);
  memory.End();
  EndRow(table);
}

void DeleteRow(ApplyTable* table, core::OldRow kind, const core::RowImage& old_row) {
  const InRowMemory memory(table);
  Fill(table, table->wanted, old_row, nullptr);
  RequireFound(table, kind == core::OldRow::Whole);
  simple_table_tuple_delete(table->relation, &table->found->tts_tid, SnapshotSelf);
  memory.End();
  EndRow(table);
}

}  // namespace altius::rebalance
