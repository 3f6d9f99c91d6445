// SPDX-License-Identifier: PostgreSQL
#include "row_trigger.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "pgstat.h"
#include "utils/rel.h"
}

namespace altius::task {

namespace {

constexpr Oid kNoTrigger = 1;  // the first of the numbers that no trigger and no function has
constexpr Oid kMostTriggers = 10;

/// When it fires it is known by its number.
Oid FreeNumber(const TriggerDesc* had) {
  Oid number = kNoTrigger;
  for (int i = 0; had != nullptr && i < had->numtriggers; i++) {
    if (had->triggers[i].tgoid < kMostTriggers) number++;
  }
  return number;
}

Trigger MakeTrigger(int16 type, Oid number) {
  Trigger trigger{};
  trigger.tgoid = number;
  trigger.tgname = pstrdup("altius_row");
  trigger.tgfoid = kNoTrigger;
  trigger.tgtype = static_cast<int16>(TRIGGER_TYPE_ROW | type);
  trigger.tgenabled = TRIGGER_FIRES_ALWAYS;
  trigger.tgisinternal = true;
  return trigger;
}

/// What the executor asks before it looks at the triggers.
void Announce(TriggerDesc* triggers, int16 type) {
  const bool before = TRIGGER_FOR_BEFORE(type);
  if (TRIGGER_FOR_INSERT(type)) (before ? triggers->trig_insert_before_row : triggers->trig_insert_after_row) = true;
  if (TRIGGER_FOR_UPDATE(type)) (before ? triggers->trig_update_before_row : triggers->trig_update_after_row) = true;
  if (TRIGGER_FOR_DELETE(type)) (before ? triggers->trig_delete_before_row : triggers->trig_delete_after_row) = true;
}

}  // namespace

FmgrInfo RowTriggerFunction(Oid instead, PGFunction called, void* argument) {
  FmgrInfo function{};
  function.fn_addr = called;
  function.fn_oid = instead;
  function.fn_stats = TRACK_FUNC_ALL;  // is not counted
  function.fn_extra = argument;
  function.fn_mcxt = CurrentMemoryContext;
  return function;
}

void AddRowTrigger(ResultRelInfo* target, int16 type, PGFunction function, void* argument, int instrument) {
  const TriggerDesc* had = target->ri_TrigDesc;
  const int count = had == nullptr ? 0 : had->numtriggers;
  auto* has = static_cast<TriggerDesc*>(palloc0(sizeof(TriggerDesc)));
  if (had != nullptr) *has = *had;
  has->numtriggers = count + 1;
  has->triggers = static_cast<Trigger*>(palloc0(sizeof(Trigger) * (count + 1)));
  auto* functions = static_cast<FmgrInfo*>(palloc0(sizeof(FmgrInfo) * (count + 1)));
  auto* conditions = static_cast<ExprState**>(palloc0(sizeof(ExprState*) * (count + 1)));
  has->triggers[0] = MakeTrigger(type, FreeNumber(had));
  functions[0] = RowTriggerFunction(kNoTrigger, function, argument);
  for (int i = 0; i < count; i++) {
    has->triggers[i + 1] = had->triggers[i];
    if (had->triggers[i].tgfoid == kNoTrigger) functions[i + 1] = target->ri_TrigFunctions[i];
  }
  Announce(has, has->triggers[0].tgtype);
  target->ri_TrigDesc = has;
  target->ri_TrigFunctions = functions;
  target->ri_TrigWhenExprs = conditions;
  if (instrument != 0) target->ri_TrigInstrument = InstrAlloc(count + 1, instrument, false);
}

void ShareTriggersOfPartitions(EState* estate, List* targets) {
  ListCell* cell;
  foreach (cell, targets) {
    const auto* target = static_cast<ResultRelInfo*>(lfirst(cell));
    if (target->ri_RootResultRelInfo == nullptr || target->ri_TrigDesc == nullptr) continue;
    auto* fires = makeNode(ResultRelInfo);
    InitResultRelInfo(fires, table_open(RelationGetRelid(target->ri_RelationDesc), NoLock), 0, nullptr, 0);
    fires->ri_TrigDesc = target->ri_TrigDesc;
    fires->ri_TrigFunctions = target->ri_TrigFunctions;
    fires->ri_TrigWhenExprs = target->ri_TrigWhenExprs;
    estate->es_trig_target_relations = lappend(estate->es_trig_target_relations, fires);
  }
}

}  // namespace altius::task
