// SPDX-License-Identifier: PostgreSQL
// The function of all triggers on shards.  What fires BEFORE decides about the row, so it runs here, at the row, for the
// table that the shard is a part of; what fires AFTER is told to the node that asked, which fires it.
#include "altius/core/shard/name.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/remote/events.hpp"
#include "parts.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::trigger {

namespace {

/// What a trigger on a shard knows, once for each statement.
struct Shard {
  const catalog::Table* table;
  Oid relid;  // of the table
  int index;
  int64 id;
  TupleConversionMap* to_table;  // null: rows look the same
  TupleConversionMap* to_shard;
  TupleDesc row;           // of the table
  TupleDesc record;        // the same, of no table's type
  bool names;              // text of the shard's rows names objects
  FmgrInfo output;         // of the table's rows
  const Trigger* trigger;  // of the table, by the name of the shard's; null: there is none any more
  FmgrInfo function;       // its
  bool told_transitions;
};

[[noreturn]] void RaiseNoShard(Relation relation) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("\"%s\" is not a shard", RelationGetRelationName(relation))));
  pg_unreachable();
}

Shard* MakeShard(const catalog::Table& table, const TriggerData& data, MemoryContext memory) {
  const MemoryContext before = MemoryContextSwitchTo(memory);
  auto* shard = static_cast<Shard*>(palloc0(sizeof(Shard)));
  Relation shell = table_open(table.relid, AccessShareLock);
  shard->relid = table.relid;
  shard->row = CreateTupleDescCopy(RelationGetDescr(shell));
  shard->record = CreateTupleDescCopy(shard->row);
  shard->record->tdtypeid = RECORDOID;
  shard->record->tdtypmod = -1;
  BlessTupleDesc(shard->record);
  TupleDesc of_shard = CreateTupleDescCopy(RelationGetDescr(data.tg_relation));
  shard->to_table = convert_tuples_by_name(of_shard, shard->row);
  shard->to_shard = convert_tuples_by_name(shard->row, of_shard);
  shard->names = pg::TextNamesObjects(of_shard);
  fmgr_info_cxt(F_RECORD_OUT, &shard->output, memory);
  shard->trigger = TriggerNamed(CopyTriggerDesc(shell->trigdesc), data.tg_trigger->tgname);
  if (shard->trigger != nullptr) fmgr_info_cxt(shard->trigger->tgfoid, &shard->function, memory);
  table_close(shell, NoLock);
  MemoryContextSwitchTo(before);
  return shard;
}

Shard* Find(FunctionCallInfo fcinfo, const TriggerData& data) {
  auto* shard = static_cast<Shard*>(fcinfo->flinfo->fn_extra);
  const auto id = core::ShardIdOfName(RelationGetRelationName(data.tg_relation));
  int index = 0;
  const catalog::Table* table = id.has_value() ? catalog::FindTableOfShard(*id, &index) : nullptr;
  if (table == nullptr) RaiseNoShard(data.tg_relation);
  if (shard == nullptr) {
    if (!catalog::IsShardOfOwner(RelationGetRelid(data.tg_relation))) RaiseNoShard(data.tg_relation);
    fcinfo->flinfo->fn_extra = shard = MakeShard(*table, data, fcinfo->flinfo->fn_mcxt);
  }
  if (shard->relid != table->relid || (shard->id != 0 && shard->id != *id)) RaiseNoShard(data.tg_relation);  // renamed meanwhile
  shard->table = table;
  shard->index = index;
  shard->id = *id;
  return shard;
}

bool AreStoredAlike(TupleDesc one, TupleDesc other) {
  bool alike = one->natts == other->natts;
  for (int i = 0; alike && i < one->natts; i++) {
    const Form_pg_attribute a = TupleDescAttr(one, i);
    const Form_pg_attribute b = TupleDescAttr(other, i);
    alike = a->atttypid == b->atttypid && a->attisdropped == b->attisdropped && a->attlen == b->attlen && a->attalign == b->attalign;
  }
  return alike;
}

/// Rows here are those of the table as the statement has found it.  A function that it calls may have changed the table since, which
/// nothing holds open on this node.
Relation OpenTable(const Shard& shard) {
  Relation shell = table_open(shard.relid, AccessShareLock);
  if (AreStoredAlike(shard.row, RelationGetDescr(shell))) return shell;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                  errmsg("table \"%s\" was changed by the statement that its triggers fire for", RelationGetRelationName(shell))));
  pg_unreachable();
}

HeapTuple AsOfTable(const Shard& shard, HeapTuple tuple) {
  if (tuple == nullptr || shard.to_table == nullptr) return tuple;
  return execute_attr_map_tuple(tuple, shard.to_table);
}

TupleTableSlot* SlotWith(Relation relation, HeapTuple tuple) {
  if (tuple == nullptr) return nullptr;
  return ExecStoreHeapTuple(tuple, MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple), false);
}

/// The shard's call, as the table's; false when the table has no such trigger any more.
bool DescribeForTable(const Shard& shard, const TriggerData& data, Relation shell, Trigger* trigger, TriggerData* call) {
  if (shard.trigger == nullptr) return false;
  *trigger = *shard.trigger;
  *call = data;
  call->tg_relation = shell;
  call->tg_trigger = trigger;
  call->tg_trigtuple = AsOfTable(shard, data.tg_trigtuple);
  call->tg_newtuple = AsOfTable(shard, data.tg_newtuple);
  call->tg_trigslot = SlotWith(shell, call->tg_trigtuple);
  call->tg_newslot = SlotWith(shell, call->tg_newtuple);
  if (shard.to_table != nullptr) {
    auto* changed = const_cast<Bitmapset*>(data.tg_updatedcols);
    call->tg_updatedcols = execute_attr_map_cols(shard.to_table->attrMap, changed);
  }
  return true;
}

/// Nothing but the row's key decides where it lies: a trigger that changes it would leave it in the wrong shard.
void CheckKey(const Shard& shard, Relation shell, const Trigger& trigger, HeapTuple row) {
  const catalog::Table& table = *shard.table;
  if (table.kind != catalog::TableKind::Hash) return;
  bool null;
  const Datum key = heap_getattr(row, table.key, RelationGetDescr(shell), &null);
  const int32 hash = null ? catalog::kHashOfNull : catalog::HashOfKey(table, key);
  const catalog::Shard& place = table.shards[shard.index];
  if (hash >= place.min && hash <= place.max) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("trigger \"%s\" changed the distribution column \"%s\" of table \"%s\"", trigger.tgname,
                         get_attname(table.relid, table.key, false), table.name),
                  errdetail("The row would belong to another shard."),
                  errhint("Set the column in the statement.")));
}

/// The function of the table's trigger; a changed row as one of the shard.
HeapTuple CallForTable(Shard* of_call, TriggerData* data) {
  const Shard& shard = *of_call;
  Relation shell = OpenTable(shard);
  Trigger trigger;
  TriggerData call;
  HeapTuple result = data->tg_newtuple != nullptr ? data->tg_newtuple : data->tg_trigtuple;
  if (DescribeForTable(shard, *data, shell, &trigger, &call)) {
    LOCAL_FCINFO(inner, 0);
    InitFunctionCallInfoData(*inner, &of_call->function, 0, InvalidOid, reinterpret_cast<Node*>(&call), nullptr);
    auto* returned = reinterpret_cast<HeapTuple>(DatumGetPointer(FunctionCallInvoke(inner)));
    if (inner->isnull)
      ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                      errmsg("trigger function %u returned null value", trigger.tgfoid)));
    const HeapTuple proposed = call.tg_newtuple != nullptr ? call.tg_newtuple : call.tg_trigtuple;
    if (returned == nullptr || TRIGGER_FIRED_BY_DELETE(data->tg_event)) {
      result = returned;
    } else if (returned != proposed) {
      CheckKey(shard, shell, trigger, returned);
      result = shard.to_shard == nullptr ? returned : execute_attr_map_tuple(returned, shard.to_shard);
    }
    if (call.tg_trigslot != nullptr) ExecDropSingleTupleTableSlot(call.tg_trigslot);
    if (call.tg_newslot != nullptr) ExecDropSingleTupleTableSlot(call.tg_newslot);
  }
  table_close(shell, NoLock);
  return result;
}

/// --- telling ---

const char* TextOfRow(Shard* shard, HeapTuple tuple) {
  if (tuple == nullptr) return nullptr;
  return OutputFunctionCall(&shard->output, heap_copy_tuple_as_datum(AsOfTable(*shard, tuple), shard->record));
}

/// To the statement that is asked for here, or to the node that sent the one that runs; false: to nobody.
bool Tell(const char* text) {
  if (AddHere(text)) return true;
  if (!door::IsNodeSession()) return false;
  // A statement that commits by itself leaves no transaction in which the trigger could fire.
  if (!IsTransactionBlock())
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("triggers fire on the node that asks, within its transaction")));
  remote::SendEvent(text);
  return true;
}

bool TellOf(Shard* shard, const TriggerData& data, core::EventPart part, HeapTuple before, HeapTuple after) {
  const int group = catalog::LocalGroup();
  const int level = pg::BeginPortableText(shard->names);
  const char* old_row = TextOfRow(shard, before);
  const char* new_row = TextOfRow(shard, after);
  pg::EndPortableText(level);
  return pg::Entry([&] {
    core::TriggerEvent event;
    event.part = part;
    event.shard_id = shard->id;
    event.group = group;
    event.event = data.tg_event;
    event.trigger = data.tg_trigger->tgname;
    if (old_row != nullptr) event.old_row = old_row;
    if (new_row != nullptr) event.new_row = new_row;
    const std::string text = core::EventText(event);
    return pg::Call([&] { return Tell(text.c_str()); });
  });
}

void TellRows(Shard* shard, const TriggerData& data, core::EventPart part, Tuplestorestate* rows) {
  if (rows == nullptr) return;
  TupleTableSlot* slot = MakeSingleTupleTableSlot(RelationGetDescr(data.tg_relation), &TTSOpsMinimalTuple);
  const int reader = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
  tuplestore_select_read_pointer(rows, reader);
  tuplestore_rescan(rows);
  while (tuplestore_gettupleslot(rows, true, false, slot)) {
    CHECK_FOR_INTERRUPTS();
    bool made;
    HeapTuple row = ExecFetchSlotHeapTuple(slot, true, &made);
    const bool old = part == core::EventPart::OldTable;
    (void)TellOf(shard, data, part, old ? row : nullptr, old ? nullptr : row);
    if (made) heap_freetuple(row);
  }
  ExecDropSingleTupleTableSlot(slot);
}

/// Once for each statement on the shard.
void TellTransitions(Shard* shard, const TriggerData& data) {
  if (std::exchange(shard->told_transitions, true)) return;
  TellRows(shard, data, core::EventPart::OldTable, data.tg_oldtable);
  TellRows(shard, data, core::EventPart::NewTable, data.tg_newtable);
}

/// False: nobody has asked for the statement on the shard, which is a table like any other then.
bool TellAfter(Shard* shard, const TriggerData& data) {
  TellTransitions(shard, data);
  if (TRIGGER_FIRED_FOR_ROW(data.tg_event))
    return TellOf(shard, data, core::EventPart::Row, TRIGGER_FIRED_BY_INSERT(data.tg_event) ? nullptr : data.tg_trigtuple,
                  TRIGGER_FIRED_BY_INSERT(data.tg_event) ? data.tg_trigtuple : data.tg_newtuple);
  // The node that asks knows what it has asked for, but not what a foreign key's action did here.
  return TellOf(shard, data, core::EventPart::Statement, nullptr, nullptr);
}

HeapTuple OnShard(FunctionCallInfo fcinfo) {
  auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
  if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) return nullptr;
  if (MovesRows()) return data->tg_newtuple != nullptr ? data->tg_newtuple : data->tg_trigtuple;
  Shard* shard = Find(fcinfo, *data);
  if (TRIGGER_FIRED_BEFORE(data->tg_event))
    return TRIGGER_FIRED_FOR_ROW(data->tg_event) ? CallForTable(shard, data) : nullptr;
  if (!TellAfter(shard, *data)) (void)CallForTable(shard, data);
  return nullptr;
}

}  // namespace

}  // namespace altius::trigger

ALTIUS_FUNCTION(altius_trigger_depth) { PG_RETURN_INT32(altius::door::TriggerDepth()); }

ALTIUS_FUNCTION(altius_trigger_on_shard) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("not called by trigger manager")));
  return PointerGetDatum(altius::trigger::OnShard(fcinfo));
}
