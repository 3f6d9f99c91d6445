// SPDX-License-Identifier: PostgreSQL
#include "local_references.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "row_trigger.hpp"

extern "C" {
#include "access/tupconvert.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace altius::task {

namespace {

/// A row of a copy, as one of the table.
struct Row {
  TupleTableSlot* slot;
  HeapTuple tuple;
};

Row AsRowOf(Relation table, Relation copy, TupleTableSlot* slot) {
  if (slot == nullptr) return {nullptr, nullptr};
  TupleTableSlot* row = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsHeapTuple);
  const TupleConversionMap* map = convert_tuples_by_name(RelationGetDescr(copy), RelationGetDescr(table));
  if (map == nullptr) {
    ExecCopySlot(row, slot);
  } else {
    TupleTableSlot* converted = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsVirtual);
    ExecCopySlot(row, execute_attr_map_slot(map->attrMap, slot, converted));
    ExecDropSingleTupleTableSlot(converted);
  }
  return {row, ExecFetchSlotHeapTuple(row, false, nullptr)};
}

void Drop(const Row& row) {
  if (row.slot != nullptr) ExecDropSingleTupleTableSlot(row.slot);
}

/// A trigger that keeps a foreign key of a table whose rows are on this node.
bool IsOfLocalReference(const Trigger& trigger) {
  if (!trigger.tgisinternal || trigger.tgenabled == TRIGGER_DISABLED || RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_PK) return false;
  const catalog::Table* referring = catalog::FindTable(trigger.tgconstrrelid);
  return referring == nullptr || (referring->kind == catalog::TableKind::Local && catalog::IsCoordinator());
}

bool HasLocalReferences(Relation table) {
  const TriggerDesc* triggers = table->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    if (IsOfLocalReference(triggers->triggers[i])) return true;
  }
  return false;
}

void Call(TriggerData* data) {
  FmgrInfo function;
  fmgr_info(data->tg_trigger->tgfoid, &function);
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, &function, 0, InvalidOid, reinterpret_cast<Node*>(data), nullptr);
  (void)FunctionCallInvoke(call);
}

bool Concerns(const TriggerData& data, Trigger* trigger, const Row& before, const Row& after) {
  if (!IsOfLocalReference(*trigger)) return false;
  if (TRIGGER_FIRED_BY_DELETE(data.tg_event)) return TRIGGER_FOR_DELETE(trigger->tgtype);
  return TRIGGER_FOR_UPDATE(trigger->tgtype) && RI_FKey_pk_upd_check_required(trigger, data.tg_relation, before.slot, after.slot);
}

void Follow(Relation table, const TriggerData& fired) {
  const bool updates = TRIGGER_FIRED_BY_UPDATE(fired.tg_event);
  const Row before = AsRowOf(table, fired.tg_relation, fired.tg_trigslot);
  const Row after = AsRowOf(table, fired.tg_relation, updates ? fired.tg_newslot : nullptr);
  TriggerData data = fired;
  data.tg_relation = table;
  data.tg_trigslot = before.slot;
  data.tg_trigtuple = before.tuple;
  data.tg_newslot = after.slot;
  data.tg_newtuple = after.tuple;
  for (int i = 0; table->trigdesc != nullptr && i < table->trigdesc->numtriggers; i++) {
    Trigger trigger = table->trigdesc->triggers[i];  // the table's may be read anew meanwhile
    if (!Concerns(data, &trigger, before, after)) continue;
    data.tg_trigger = &trigger;
    Call(&data);
  }
  Drop(before);
  Drop(after);
}

/// The table is not locked: whoever locks tables goes from it to its copies, and has the copy's lock to wait for.
Relation TableOf(Oid copy) {
  const catalog::Table* table = catalog::TableOfShardRelation(copy);
  if (table == nullptr || table->kind != catalog::TableKind::Reference) return nullptr;
  return RelationIdGetRelation(table->relid);
}

/// The trigger's function.
Datum OnRow(FunctionCallInfo fcinfo) {
  return pg::Entry([&] {
    const auto* fired = reinterpret_cast<TriggerData*>(fcinfo->context);
    Relation table = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ? nullptr : TableOf(RelationGetRelid(fired->tg_relation));
    if (table != nullptr) {
      Follow(table, *fired);
      RelationClose(table);
    }
    return PointerGetDatum(nullptr);
  });
}

}  // namespace

bool IsReferredLocally(Oid copy) {
  Relation table = TableOf(copy);
  if (table == nullptr) return false;
  const bool referred = HasLocalReferences(table);
  RelationClose(table);
  return referred;
}

bool FollowLocalReferences(ResultRelInfo* copy, int instrument) {
  if (!IsReferredLocally(RelationGetRelid(copy->ri_RelationDesc))) return false;
  AddRowTrigger(copy, TRIGGER_TYPE_DELETE | TRIGGER_TYPE_UPDATE, OnRow, nullptr, instrument);
  return true;
}

bool FiresForLocalReferences(const PlannedStmt* statement) {
  ListCell* cell;
  foreach (cell, statement->resultRelations) {
    if (IsReferredLocally(static_cast<RangeTblEntry*>(list_nth(statement->rtable, lfirst_int(cell) - 1))->relid)) return true;
  }
  return false;
}

void FollowLocalReferencesOf(QueryDesc* query) {
  EState* estate = query->estate;
  if (estate->es_opened_result_relations == NIL || (estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0) return;
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  bool any = false;
  ListCell* cell;
  foreach (cell, estate->es_opened_result_relations)
    any = FollowLocalReferences(static_cast<ResultRelInfo*>(lfirst(cell)), estate->es_instrument) || any;
  if (any) ShareTriggersOfPartitions(estate, estate->es_opened_result_relations);
  MemoryContextSwitchTo(before);
}

}  // namespace altius::task
