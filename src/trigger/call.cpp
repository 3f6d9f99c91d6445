// SPDX-License-Identifier: PostgreSQL
// Calling a trigger's function.  How deep triggers stand in one another is counted where PostgreSQL calls them, so it is
// made to: as a BEFORE trigger for a row of nulls, whose function is Dispatch.
#include "altius/pg/bridge.hpp"
#include "parts.hpp"

extern "C" {
#include "access/htup_details.h"
}

namespace altius::trigger {

namespace {

TriggerData* next_call = nullptr;
FmgrInfo* next_function = nullptr;
HeapTuple returned = nullptr;

/// In the place of the trigger's function: calls that one with what it is to be told.
Datum Dispatch(FunctionCallInfo fcinfo) {
  TriggerData* data = std::exchange(next_call, nullptr);
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, next_function, 0, InvalidOid, reinterpret_cast<Node*>(data), nullptr);
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

/// Functions keep what they have prepared for a trigger in it.
FmgrInfo* FunctionOf(Caller* caller, const Trigger& trigger) {
  ListCell* known;
  ListCell* function;
  forboth(known, caller->triggers, function, caller->functions) {
    if (lfirst_oid(known) == trigger.tgoid) return static_cast<FmgrInfo*>(lfirst(function));
  }
  const MemoryContext before = MemoryContextSwitchTo(caller->estate->es_query_cxt);
  auto* made = static_cast<FmgrInfo*>(palloc0(sizeof(FmgrInfo)));
  fmgr_info(trigger.tgfoid, made);
  caller->triggers = lappend_oid(caller->triggers, trigger.tgoid);
  caller->functions = lappend(caller->functions, made);
  MemoryContextSwitchTo(before);
  return made;
}

}  // namespace

Caller* MakeCaller(Relation relation) {
  EState* estate = CreateExecutorState();
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  auto* caller = static_cast<Caller*>(palloc0(sizeof(Caller)));
  *caller = {estate, RowOfNulls(relation), NIL, NIL};
  MemoryContextSwitchTo(before);
  return caller;
}

void EndCaller(Caller* caller) {
  ExecDropSingleTupleTableSlot(caller->nulls);
  FreeExecutorState(caller->estate);
}

bool CallTrigger(Caller* caller, TriggerData* data, HeapTuple* result) {
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
  dispatch.fn_mcxt = caller->estate->es_query_cxt;
  ExprState* when = nullptr;
  ResultRelInfo target = {};
  target.type = T_ResultRelInfo;
  target.ri_RelationDesc = data->tg_relation;
  target.ri_TrigDesc = &triggers;
  target.ri_TrigFunctions = &dispatch;
  target.ri_TrigWhenExprs = &when;
  next_function = FunctionOf(caller, *data->tg_trigger);
  next_call = data;
  (void)ExecBRInsertTriggers(caller->estate, &target, caller->nulls);
  const bool returns = returned != nullptr;
  if (result != nullptr) *result = returns ? heap_copytuple(returned) : nullptr;
  returned = nullptr;
  ResetPerTupleExprContext(caller->estate);
  return returns;
}

const Trigger* TriggerNamed(const TriggerDesc* triggers, const char* name) {
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    // Those of foreign keys fire on the shards by themselves.
    if (!trigger.tgisinternal && strcmp(trigger.tgname, name) == 0) return &trigger;
  }
  return nullptr;
}

bool IsEnabled(const Trigger& trigger) {
  if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
    return trigger.tgenabled != TRIGGER_FIRES_ON_ORIGIN && trigger.tgenabled != TRIGGER_DISABLED;
  return trigger.tgenabled != TRIGGER_FIRES_ON_REPLICA && trigger.tgenabled != TRIGGER_DISABLED;
}

}  // namespace altius::trigger
