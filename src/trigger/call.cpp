// SPDX-License-Identifier: PostgreSQL
// Calling a trigger's function.  How deep triggers stand in one another is counted where PostgreSQL calls them, so it is
// made to: as a BEFORE trigger for a row of nulls, whose function is Dispatch.
#include "altius/pg/bridge.hpp"
#include "parts.hpp"

namespace altius::trigger {

namespace {

TriggerData* next_call = nullptr;
HeapTuple returned = nullptr;

/// In the place of the trigger's function: calls that one with what it is to be told.
Datum Dispatch(FunctionCallInfo fcinfo) {
  TriggerData* data = std::exchange(next_call, nullptr);
  FmgrInfo function;
  fmgr_info(data->tg_trigger->tgfoid, &function);
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, &function, 0, InvalidOid, reinterpret_cast<Node*>(data), nullptr);
  const Datum result = FunctionCallInvoke(call);
  fcinfo->isnull = call->isnull;
  returned = reinterpret_cast<HeapTuple>(DatumGetPointer(result));
  return PointerGetDatum(nullptr);
}

TupleTableSlot* RowOfNulls(Relation relation) {
  TupleTableSlot* slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
  const int count = RelationGetDescr(relation)->natts;
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * std::max(count, 1)));
  auto* nulls = static_cast<bool*>(palloc(std::max(count, 1)));
  memset(nulls, true, std::max(count, 1));
  return ExecStoreHeapTuple(heap_form_tuple(RelationGetDescr(relation), values, nulls), slot, true);
}

}  // namespace

HeapTuple CallTrigger(TriggerData* data) {
  EState* estate = CreateExecutorState();
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  Trigger stand_in = {};
  stand_in.tgoid = data->tg_trigger->tgoid;
  stand_in.tgname = data->tg_trigger->tgname;
  stand_in.tgfoid = data->tg_trigger->tgfoid;
  stand_in.tgtype = TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT;
  stand_in.tgenabled = TRIGGER_FIRES_ALWAYS;
  TriggerDesc triggers = {};
  triggers.triggers = &stand_in;
  triggers.numtriggers = 1;
  triggers.trig_insert_before_row = true;
  FmgrInfo dispatch = {};
  dispatch.fn_addr = Dispatch;
  dispatch.fn_oid = stand_in.tgfoid;
  dispatch.fn_mcxt = estate->es_query_cxt;
  auto* target = makeNode(ResultRelInfo);
  target->ri_RelationDesc = data->tg_relation;
  target->ri_TrigDesc = &triggers;
  target->ri_TrigFunctions = &dispatch;
  auto* when = static_cast<ExprState**>(palloc0(sizeof(ExprState*)));
  target->ri_TrigWhenExprs = when;
  TupleTableSlot* slot = RowOfNulls(data->tg_relation);
  next_call = data;
  MemoryContextSwitchTo(before);
  (void)ExecBRInsertTriggers(estate, target, slot);
  HeapTuple result = std::exchange(returned, nullptr);
  if (result != nullptr && result != data->tg_trigtuple && result != data->tg_newtuple) result = heap_copytuple(result);
  ExecDropSingleTupleTableSlot(slot);
  FreeExecutorState(estate);
  return result;
}

const Trigger* TriggerNamed(Relation relation, const char* name) {
  const TriggerDesc* triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    if (strcmp(triggers->triggers[i].tgname, name) == 0) return &triggers->triggers[i];
  }
  return nullptr;
}

bool IsEnabled(const Trigger& trigger) {
  if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
    return trigger.tgenabled != TRIGGER_FIRES_ON_ORIGIN && trigger.tgenabled != TRIGGER_DISABLED;
  return trigger.tgenabled != TRIGGER_FIRES_ON_REPLICA && trigger.tgenabled != TRIGGER_DISABLED;
}

}  // namespace altius::trigger
