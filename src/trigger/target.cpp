// SPDX-License-Identifier: PostgreSQL
#include "target.hpp"

#include "altius/pg/stored_input.hpp"
#include "altius/pg/text_forms.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::trigger {

/// What a trigger's REFERENCING names.
struct TransitionTable {
  core::EventPart part;
  const char* trigger;
  uint32 kind;
  Tuplestorestate* rows;
};

Target* OpenTarget(Oid relid) {
  auto* target = static_cast<Target*>(palloc0(sizeof(Target)));
  target->relid = relid;
  target->relation = table_open(relid, AccessShareLock);
  Oid function;
  getTypeInputInfo(target->relation->rd_rel->reltype, &function, &target->input_param);
  fmgr_info(function, &target->input);
  pg::ReadAsStored(&target->input, target->relation->rd_rel->reltype, -1);
  target->triggers = CopyTriggerDesc(target->relation->trigdesc);
  target->caller = MakeCaller(target->relation);
  return target;
}

void CloseTarget(Target* target) {
  EndCaller(target->caller);
  ListCell* cell;
  foreach (cell, target->transitions) tuplestore_end(static_cast<TransitionTable*>(lfirst(cell))->rows);
  table_close(target->relation, NoLock);
  pfree(target);
}

Oid TableOfEvent(const core::TriggerEvent& event) {
  int index;
  const catalog::Table* table = catalog::FindTableOfShard(event.shard_id, &index);
  if (table == nullptr) return InvalidOid;
  // All copies of a reference table's row change, for one statement: the first one's triggers count.
  const catalog::Shard& shard = table->shards[index];
  if (shard.group_count > 1 && shard.groups[0] != event.group) return InvalidOid;
  return table->relid;
}

namespace {

HeapTuple RowOf(Target* target, const std::optional<std::string>& text) {
  if (!text.has_value()) return nullptr;
  char* row = pstrdup(text->c_str());
  const int level = pg::BeginReadingText();
  const Datum value = InputFunctionCall(&target->input, row, target->input_param, -1);
  pg::EndPortableText(level);
  HeapTupleHeader header = DatumGetHeapTupleHeader(value);
  auto* tuple = static_cast<HeapTuple>(palloc0(HEAPTUPLESIZE));
  tuple->t_len = HeapTupleHeaderGetDatumLength(header);
  tuple->t_data = header;
  ItemPointerSetInvalid(&tuple->t_self);
  tuple->t_tableOid = target->relid;
  return tuple;
}

TupleTableSlot* SlotWith(Target* target, HeapTuple tuple) {
  TupleTableSlot* slot = MakeSingleTupleTableSlot(RelationGetDescr(target->relation), &TTSOpsHeapTuple);
  return ExecStoreHeapTuple(tuple, slot, false);
}

}  // namespace

void AddRows(Target* target, const core::TriggerEvent& event, TriggerData* data) {
  HeapTuple before = RowOf(target, event.old_row);
  HeapTuple after = RowOf(target, event.new_row);
  data->tg_trigtuple = before != nullptr ? before : after;
  data->tg_newtuple = before != nullptr ? after : nullptr;
  if (data->tg_trigtuple != nullptr) data->tg_trigslot = SlotWith(target, data->tg_trigtuple);
  if (data->tg_newtuple != nullptr) data->tg_newslot = SlotWith(target, data->tg_newtuple);
}

void EndRows(TriggerData* data) {
  if (data->tg_trigslot != nullptr) ExecDropSingleTupleTableSlot(data->tg_trigslot);
  if (data->tg_newslot != nullptr) ExecDropSingleTupleTableSlot(data->tg_newslot);
}

namespace {

bool Fits(const TransitionTable& wanted, const core::TriggerEvent& event, Oid relid) {
  return event.part == wanted.part && (event.event & TRIGGER_EVENT_OPMASK) == wanted.kind &&
         event.trigger == wanted.trigger && TableOfEvent(event) == relid;
}

void AddRow(Target* target, const TransitionTable& wanted, const core::TriggerEvent& event) {
  if (!Fits(wanted, event, target->relid)) return;
  HeapTuple row = RowOf(target, wanted.part == core::EventPart::OldTable ? event.old_row : event.new_row);
  tuplestore_puttuple(wanted.rows, row);
}

void Collect(Target* target, const TransitionTable& wanted, Tuplestorestate* events) {
  const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "altius transition row", ALLOCSET_DEFAULT_SIZES);
  TupleTableSlot* slot = MakeSingleTupleTableSlot(EventColumns(), &TTSOpsMinimalTuple);
  const int reader = tuplestore_alloc_read_pointer(events, EXEC_FLAG_REWIND);
  tuplestore_select_read_pointer(events, reader);
  tuplestore_rescan(events);
  while (tuplestore_gettupleslot(events, true, false, slot)) {
    CHECK_FOR_INTERRUPTS();
    const MemoryContext before = MemoryContextSwitchTo(memory);
    bool null;
    const char* told = TextDatumGetCString(slot_getattr(slot, 1, &null));
    ReadEvent(told, [&](const core::TriggerEvent& event) { AddRow(target, wanted, event); });
    MemoryContextSwitchTo(before);
    MemoryContextReset(memory);
  }
  ExecDropSingleTupleTableSlot(slot);
  MemoryContextDelete(memory);
}

Tuplestorestate* TransitionsOf(Target* target, core::EventPart part, const TriggerData& data, Tuplestorestate* events) {
  const uint32 kind = data.tg_event & TRIGGER_EVENT_OPMASK;
  ListCell* cell;
  foreach (cell, target->transitions) {
    const auto* known = static_cast<TransitionTable*>(lfirst(cell));
    if (known->part == part && known->kind == kind && strcmp(known->trigger, data.tg_trigger->tgname) == 0) return known->rows;
  }
  const MemoryContext before = MemoryContextSwitchTo(GetMemoryChunkContext(target));
  auto* table = static_cast<TransitionTable*>(palloc(sizeof(TransitionTable)));
  *table = {part, pstrdup(data.tg_trigger->tgname), kind, tuplestore_begin_heap(false, false, work_mem)};
  target->transitions = lappend(target->transitions, table);
  MemoryContextSwitchTo(before);
  if (events != nullptr) Collect(target, *table, events);
  return table->rows;
}

}  // namespace

void AddTransitionTables(Target* target, Tuplestorestate* events, TriggerData* data) {
  const Trigger* trigger = data->tg_trigger;
  if (trigger->tgoldtable != nullptr) data->tg_oldtable = TransitionsOf(target, core::EventPart::OldTable, *data, events);
  if (trigger->tgnewtable != nullptr) data->tg_newtable = TransitionsOf(target, core::EventPart::NewTable, *data, events);
}

}  // namespace altius::trigger
