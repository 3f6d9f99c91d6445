// SPDX-License-Identifier: PostgreSQL
// A row that moves to another shard is not gone, so whoever waits for it must not go on as if it were: as with partitions, PostgreSQL
// deletes it with a mark, and raises an error (40001) where it would follow the row to its new version.  DELETE sets no such mark, so
// a row trigger deletes in its place, and has it leave the row alone.
#include "leave.hpp"

#include "altius/pg/bridge.hpp"
#include "row_trigger.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace altius::task {

namespace {

struct Leaving {
  EState* estate;
  ResultRelInfo* target;
};

/// The row is locked by now.
void DeleteAsMoved(const Leaving& leaving, ItemPointer place) {
  EState* estate = leaving.estate;
  Relation relation = leaving.target->ri_RelationDesc;
  TM_FailureData failure;
  const TM_Result result = table_tuple_delete(relation, place, estate->es_output_cid, estate->es_snapshot,
                                              estate->es_crosscheck_snapshot, true, &failure, true);
  if (result != TM_Ok) elog(ERROR, "a row of \"%s\" that moves has been changed: %d", RelationGetRelationName(relation), result);
  // Foreign keys have theirs; nothing has moved within the shard.
  ExecARDeleteTriggers(estate, leaving.target, place, nullptr, nullptr, false);
  estate->es_processed++;
}

/// The trigger's function: null, so that there is nothing left to delete.
Datum OnRow(FunctionCallInfo fcinfo) {
  return pg::Entry([&] {
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    ItemPointerData place = trigger->tg_trigtuple->t_self;
    DeleteAsMoved(*static_cast<Leaving*>(fcinfo->flinfo->fn_extra), &place);
    return PointerGetDatum(nullptr);
  });
}

bool IsOfReferenced(Oid function) {
  return function == F_RI_FKEY_CASCADE_DEL || function == F_RI_FKEY_SETNULL_DEL || function == F_RI_FKEY_SETDEFAULT_DEL ||
         function == F_RI_FKEY_RESTRICT_DEL || function == F_RI_FKEY_NOACTION_DEL;
}

/// Whether ON UPDATE RESTRICT or NO ACTION: others are refused for foreign keys to distribution columns.
bool Restricts(Oid constraint) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool restricts = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->confupdtype == FKCONSTR_ACTION_RESTRICT;
  ReleaseSysCache(tuple);
  return restricts;
}

}  // namespace

void CheckInsteadOfAction(TriggerDesc* triggers) {
  for (int i = 0; i < triggers->numtriggers; i++) {
    Trigger* trigger = &triggers->triggers[i];
    if (!IsOfReferenced(trigger->tgfoid)) continue;
    trigger->tgfoid = Restricts(trigger->tgconstraint) ? F_RI_FKEY_RESTRICT_DEL : F_RI_FKEY_NOACTION_DEL;
  }
}

void MarkLeaving(QueryDesc* query) {
  if (query->operation != CMD_DELETE) return;
  EState* estate = query->estate;
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  ListCell* cell;
  foreach (cell, estate->es_opened_result_relations) {
    auto* target = static_cast<ResultRelInfo*>(lfirst(cell));
    if (target->ri_RelationDesc->rd_rel->relkind != RELKIND_RELATION) continue;
    auto* leaving = static_cast<Leaving*>(palloc(sizeof(Leaving)));
    *leaving = {estate, target};
    AddRowTrigger(target, TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_DELETE, OnRow, leaving, estate->es_instrument);
    CheckInsteadOfAction(target->ri_TrigDesc);
  }
  ShareTriggersOfPartitions(estate, estate->es_opened_result_relations);
  MemoryContextSwitchTo(before);
}

}  // namespace altius::task
