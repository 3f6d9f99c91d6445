// SPDX-License-Identifier: PostgreSQL
// Rows become elements of array literals, a literal for each column.
#include "altius/pg/text_forms.hpp"
#include "altius/task/checks.hpp"
#include "state.hpp"

namespace altius::ingest {

namespace {

constexpr int kMostRows = 1000;
constexpr Size kMostBytes = 1024 * 1024;
constexpr Size kMostBytesOfAll = 16 * 1024 * 1024;
constexpr Size kMostBytesAtOnce = 900 * 1024 * 1024;  // a message of the protocol has less than 1 GB

/// Of a batch that can't be sent in parts.
void CheckFits(const Batch *batch) {
  if (batch->bytes < kMostBytesAtOnce) return;
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the statement changes too many rows of one shard at once"),
                  errdetail("They can't be sent in parts, and have more than 900 MB."), errhint("Use several statements.")));
}

void StartBatch(const ShipState *state, Batch *batch) {
  const MemoryContext before = MemoryContextSwitchTo(state->shipment->memory);
  const int count = state->ship->column_count;
  batch->columns = static_cast<StringInfoData *>(palloc(sizeof(StringInfoData) * std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    initStringInfo(&batch->columns[i]);
    appendStringInfoChar(&batch->columns[i], '{');
  }
  MemoryContextSwitchTo(before);
}

}  // namespace

void AppendElement(StringInfo array, const char *value) {
  if (value == nullptr) {
    appendStringInfoString(array, "NULL");
    return;
  }
  appendStringInfoChar(array, '"');
  for (const char *next = value; *next != '\0';) {
    const auto plain = static_cast<int>(strcspn(next, "\"\\"));
    appendBinaryStringInfo(array, next, plain);
    next += plain;
    if (*next == '\0') break;
    appendStringInfoChar(array, '\\');
    appendStringInfoChar(array, *next++);
  }
  appendStringInfoChar(array, '"');
}

void AddRow(ShipState *state, int shard_index, Deed deed, TupleTableSlot *slot) {
  Shipment *shipment = state->shipment;
  Batch *batch = BatchOf(shipment, shard_index, deed);
  if (batch->columns == nullptr) StartBatch(state, batch);
  slot_getallattrs(slot);
  const MemoryContext before = MemoryContextSwitchTo(shipment->row_memory);
  const int level = pg::BeginPortableText(shipment->names);
  Size added = 0;
  for (int i = 0; i < state->ship->column_count; i++) {
    StringInfo column = &batch->columns[i];
    const int length_before = column->len;
    if (batch->rows > 0) appendStringInfoChar(column, ',');
    AppendElement(column,
                  slot->tts_isnull[i] ? nullptr : OutputFunctionCall(&shipment->outputs[i], slot->tts_values[i]));
    added += column->len - length_before;
  }
  pg::EndPortableText(level);
  MemoryContextSwitchTo(before);
  MemoryContextReset(shipment->row_memory);
  batch->rows++;
  batch->bytes += added;
  shipment->bytes += added;
  shipment->rows++;
  if (state->ship->at_once) {
    CheckFits(batch);
    return;
  }
  const bool full = batch->rows >= kMostRows || batch->bytes >= kMostBytes;
  const bool full_in_all = shipment->bytes >= kMostBytesOfAll;
  if (full || full_in_all) task::ExpectMoreRows();
  if (full) FlushBatch(state, shard_index, deed, false);
  if (full_in_all) FlushLargest(state);
}

}  // namespace altius::ingest
