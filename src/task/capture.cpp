// SPDX-License-Identifier: PostgreSQL
// A row trigger that is in no catalog is put in front of the result relation's own, after the executor has started: so it sees
// the rows as they are stored, whatever BEFORE triggers and defaults have made of them, for every kind of statement.
#include "capture.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/text_forms.hpp"
#include "row_trigger.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/rel.h"
}

namespace altius::task {

struct Capture {
  Capture* outer;
  Oid relid;
  int level;      // of the transaction in which it began
  bool own;
  bool awaits;    // a statement in-process, which has not started yet
  MemoryContext memory;
  Tuplestorestate* rows;
  TupleTableSlot* row;  // of one that is read
  RowWriter writer;
};

namespace {

constexpr int kMostChanges = 20000;

Capture* innermost = nullptr;

void EndCapture() {
  Capture* ended = innermost;
  innermost = ended->outer;
  tuplestore_end(ended->rows);
  MemoryContextDelete(ended->memory);
}

void Keep(Capture* capture, TupleTableSlot* old_row, TupleTableSlot* new_row) {
  Datum values[2];
  bool nulls[2] = {false, false};
  values[0] = CStringGetTextDatum(old_row == nullptr ? "" : TextOfRow(&capture->writer, old_row));
  values[1] = CStringGetTextDatum(new_row == nullptr ? "" : TextOfRow(&capture->writer, new_row));
  const MemoryContext before = MemoryContextSwitchTo(capture->memory);
  tuplestore_putvalues(capture->rows, capture->row->tts_tupleDescriptor, values, nulls);
  MemoryContextSwitchTo(before);
}

/// The trigger's function.
Datum OnRow(FunctionCallInfo fcinfo) {
  return pg::Entry([&] {
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    auto* capture = static_cast<Capture*>(fcinfo->flinfo->fn_extra);
    const bool inserts = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
    const bool updates = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    TupleTableSlot* first = trigger->tg_trigslot;
    Keep(capture, inserts ? nullptr : first, inserts ? first : updates ? trigger->tg_newslot : nullptr);
    return PointerGetDatum(nullptr);
  });
}

void AtEndOfTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) innermost = nullptr;
}

/// The memory goes with the transaction's.
void AtEndOfSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  const int level = GetCurrentTransactionNestLevel();
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    while (innermost != nullptr && innermost->level >= level) innermost = innermost->outer;
  }
  for (Capture* at = innermost; event == SUBXACT_EVENT_COMMIT_SUB && at != nullptr; at = at->outer) {
    if (at->level >= level) at->level = level - 1;
  }
}

}  // namespace

TupleDesc ColumnsOfChange() {
  TupleDesc desc = CreateTemplateTupleDesc(2);
  TupleDescInitEntry(desc, 1, "old", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, 2, "new", TEXTOID, -1, 0);
  return desc;
}

RowChange ChangeIn(TupleTableSlot* row) {
  slot_getallattrs(row);
  const RowChange change = {TextDatumGetCString(row->tts_values[0]), TextDatumGetCString(row->tts_values[1])};
  ExecClearTuple(row);  // it may lie in memory of the batch
  return change;
}

void ChangeBatch::Add(const RowChange& change) {
  changes_.push_back(change);
  bytes_ += strlen(change.old_row) + strlen(change.new_row);
}

bool ChangeBatch::full() const { return changes_.size() >= kMostChanges || bytes_ >= work_mem * Size{1024}; }

RowWriter MakeRowWriter(TupleDesc columns) {
  RowWriter writer = {{}, pg::TextNamesObjects(columns)};
  fmgr_info(F_RECORD_OUT, &writer.output);
  return writer;
}

char* TextOfRow(RowWriter* writer, TupleTableSlot* slot) {
  const int level = pg::BeginPortableText(writer->names);
  char* row = OutputFunctionCall(&writer->output, ExecFetchSlotHeapTupleDatum(slot));
  pg::EndPortableText(level);
  return row;
}

void BeginCapture(Oid relid, bool own) {
  const MemoryContext memory = AllocSetContextCreate(TopTransactionContext, "altius capture", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(memory);
  auto* capture = static_cast<Capture*>(palloc0(sizeof(Capture)));
  capture->relid = relid;
  capture->level = GetCurrentTransactionNestLevel();
  capture->own = capture->awaits = own;
  capture->memory = memory;
  const ResourceOwner owner = CurrentResourceOwner;
  CurrentResourceOwner = CurTransactionResourceOwner;  // closes its files when it is undone
  capture->rows = tuplestore_begin_heap(false, false, work_mem);
  CurrentResourceOwner = owner;
  tuplestore_set_eflags(capture->rows, 0);  // what was read may go
  capture->row = MakeSingleTupleTableSlot(ColumnsOfChange(), &TTSOpsMinimalTuple);
  Relation relation = table_open(relid, NoLock);
  capture->writer = MakeRowWriter(RelationGetDescr(relation));
  table_close(relation, NoLock);
  capture->outer = innermost;
  innermost = capture;
  MemoryContextSwitchTo(before);
}

void CaptureWithin() {
  if (innermost != nullptr && !innermost->own) innermost->awaits = true;
}

void NoteCapture(QueryDesc* query, bool own) {
  Capture* capture = innermost;
  if (capture == nullptr || (own ? !capture->awaits : capture->own)) return;
  EState* estate = query->estate;
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  ListCell* cell;
  foreach (cell, estate->es_opened_result_relations) {
    auto* target = static_cast<ResultRelInfo*>(lfirst(cell));
    if (RelationGetRelid(target->ri_RelationDesc) != capture->relid) continue;
    // In front: what the others do to other rows comes later.
    AddRowTrigger(target, TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE | TRIGGER_TYPE_UPDATE, OnRow, capture, estate->es_instrument);
    capture->awaits = false;
  }
  MemoryContextSwitchTo(before);
}

bool TakeChanges(Oid relid, ChangeBatch* batch) {
  Capture* capture = innermost;
  if (capture == nullptr || capture->relid != relid) return false;
  while (!batch->full() && tuplestore_gettupleslot(capture->rows, true, false, capture->row)) batch->Add(ChangeIn(capture->row));
  if (!batch->changes().empty()) return true;
  EndCapture();
  return false;
}

void InitCapture() {
  RegisterXactCallback(AtEndOfTransaction, nullptr);
  RegisterSubXactCallback(AtEndOfSubtransaction, nullptr);
}

}  // namespace altius::task
