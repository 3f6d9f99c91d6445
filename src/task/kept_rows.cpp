// SPDX-License-Identifier: PostgreSQL
#include "kept_rows.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/row_triggers.hpp"
#include "leave.hpp"
#include "local_references.hpp"
#include "row_trigger.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

struct KeptRow {
  Oid relid;
  bool leaves;
  ItemPointerData old_row;  // invalid: there is none
  ItemPointerData new_row;
};

constexpr int kChunk = 1000;

struct Chunk {
  int count;
  KeptRow rows[kChunk];
};

/// Of one user's statement.
struct Kept {
  Kept* outer;
  int level;  // of the transaction in which it began
  MemoryContext memory;
  pg::Array<Chunk*> chunks;
  bool any_leaves;
  bool any_stays;
};

Kept* innermost = nullptr;

/// What the trigger that notes rows knows.
struct Target {
  Oid relid;
  bool leaves;
};

bool IsLast(const Kept& kept, const KeptRow& row) {
  if (kept.chunks.empty()) return false;
  const Chunk* chunk = kept.chunks.back();
  KeptRow last = chunk->rows[chunk->count - 1];
  KeptRow other = row;
  return last.relid == row.relid && ItemPointerEquals(&last.old_row, &other.old_row) && ItemPointerEquals(&last.new_row, &other.new_row);
}

void Note(const Target& target, ItemPointer old_row, ItemPointer new_row) {
  Kept* kept = innermost;
  if (kept == nullptr) elog(ERROR, "a row was changed after its constraints were checked");
  KeptRow row = {target.relid, target.leaves, {}, {}};
  ItemPointerSetInvalid(&row.old_row);
  ItemPointerSetInvalid(&row.new_row);
  if (old_row != nullptr) row.old_row = *old_row;
  if (new_row != nullptr) row.new_row = *new_row;
  if (IsLast(*kept, row)) return;  // of a partition, where each of its constraints tells
  (target.leaves ? kept->any_leaves : kept->any_stays) = true;
  const MemoryContext before = MemoryContextSwitchTo(kept->memory);
  if (kept->chunks.empty() || kept->chunks.back()->count == kChunk)
    kept->chunks.push_back(static_cast<Chunk*>(palloc0(sizeof(Chunk))));
  Chunk* chunk = kept->chunks.back();
  chunk->rows[chunk->count++] = row;
  MemoryContextSwitchTo(before);
}

/// The trigger's function.
Datum OnRow(FunctionCallInfo fcinfo) {
  return pg::Entry([&] {
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    const bool inserts = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
    const bool updates = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    TupleTableSlot* first = trigger->tg_trigslot;
    const auto* target = static_cast<Target*>(fcinfo->flinfo->fn_extra);
    Note(*target, inserts ? nullptr : &first->tts_tid, inserts ? &first->tts_tid : updates ? &trigger->tg_newslot->tts_tid : nullptr);
    return PointerGetDatum(nullptr);
  });
}

/// A trigger that checks a constraint over several rows, or does what it says.
bool Checks(const Trigger& trigger) {
  return trigger.tgisinternal &&
         (RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_NONE || trigger.tgfoid == F_UNIQUE_KEY_RECHECK);
}

bool AnyChecks(Oid relid) {
  Relation relation = table_open(relid, AccessShareLock);
  const TriggerDesc* triggers = relation->trigdesc;
  bool any = false;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) any = any || Checks(triggers->triggers[i]);
  table_close(relation, AccessShareLock);
  return any;
}

/// Those triggers alone, or all others.
TriggerDesc* Select(const TriggerDesc* all, bool checks) {
  auto* selected = static_cast<TriggerDesc*>(palloc(sizeof(TriggerDesc)));
  *selected = *all;
  selected->triggers = static_cast<Trigger*>(palloc0(sizeof(Trigger) * (all->numtriggers + 1)));
  selected->numtriggers = 0;
  for (int i = 0; i < all->numtriggers; i++) {
    if (Checks(all->triggers[i]) == checks) selected->triggers[selected->numtriggers++] = all->triggers[i];
  }
  return selected;
}

bool IsPartitioned(const ResultRelInfo* target) {
  return RelationGetForm(target->ri_RelationDesc)->relkind == RELKIND_PARTITIONED_TABLE;
}

/// Whether what decides about a row's partition is set, as far as the planner can see.
bool SetsPartition(const QueryDesc* query) {
  const Plan* plan = query->planstate->plan;
  return !IsA(plan, ModifyTable) || reinterpret_cast<const ModifyTable*>(plan)->partColsUpdated;
}

/// An UPDATE that moves rows between partitions has triggers of its own for that: it is checked when it ends.
bool MayMoveRows(const QueryDesc* query) {
  if (query->operation != CMD_UPDATE && query->operation != CMD_MERGE) return false;
  bool partitioned = false;
  bool triggers_decide = false;
  ListCell* cell;
  foreach (cell, query->estate->es_opened_result_relations) {
    const auto* target = static_cast<ResultRelInfo*>(lfirst(cell));
    partitioned = partitioned || IsPartitioned(target);
    triggers_decide = triggers_decide || (target->ri_TrigDesc != nullptr && target->ri_TrigDesc->trig_update_before_row);
  }
  return partitioned && (triggers_decide || SetsPartition(query));
}

void KeepRowsOf(ResultRelInfo* target, bool leaves, int instrument) {
  if (IsPartitioned(target)) return;
  const Oid relid = RelationGetRelid(target->ri_RelationDesc);
  const TriggerDesc* triggers = target->ri_TrigDesc;
  bool any = IsReferredLocally(relid);
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) any = any || Checks(triggers->triggers[i]);
  if (!any) return;
  if (triggers != nullptr) target->ri_TrigDesc = Select(triggers, false);
  auto* argument = static_cast<Target*>(palloc(sizeof(Target)));
  *argument = {relid, leaves};
  AddRowTrigger(target, TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE | TRIGGER_TYPE_UPDATE, OnRow, argument, instrument);
}

/// --- the check ---

/// A relation whose rows are checked.
struct Checked {
  ResultRelInfo* fires;   // has all triggers: an action of a foreign key may change its rows, too
  ResultRelInfo* queues;  // those for rows that were kept
  List* indexes;          // of deferrable unique constraints
  TupleTableSlot* row;
};

Checked Open(EState* estate, Oid relid, bool leaves) {
  Checked checked{};
  Relation relation = table_open(relid, RowExclusiveLock);
  checked.fires = makeNode(ResultRelInfo);
  InitResultRelInfo(checked.fires, relation, 0, nullptr, 0);  // of no query
  FollowLocalReferences(checked.fires, 0);
  if (leaves && checked.fires->ri_TrigDesc != nullptr) CheckInsteadOfAction(checked.fires->ri_TrigDesc);
  estate->es_opened_result_relations = lappend(estate->es_opened_result_relations, checked.fires);
  checked.queues = makeNode(ResultRelInfo);
  *checked.queues = *checked.fires;
  const TriggerDesc* all = checked.fires->ri_TrigDesc;
  if (all != nullptr) {
    TriggerDesc* queued = Select(all, true);
    // In front of them is what is in no catalog.
    if (IsReferredLocally(relid)) {
      memmove(queued->triggers + 1, queued->triggers, sizeof(Trigger) * queued->numtriggers++);
      queued->triggers[0] = all->triggers[0];
    }
    checked.queues->ri_TrigDesc = queued;
    for (int i = 0; i < queued->numtriggers; i++) {
      if (queued->triggers[i].tgfoid == F_UNIQUE_KEY_RECHECK)
        checked.indexes = lappend_oid(checked.indexes, queued->triggers[i].tgconstrindid);
    }
  }
  checked.row = table_slot_create(relation, &estate->es_tupleTable);
  return checked;
}

void Queue(EState* estate, const Checked& checked, KeptRow* row) {
  ItemPointer old_row = ItemPointerIsValid(&row->old_row) ? &row->old_row : nullptr;
  const bool stored = ItemPointerIsValid(&row->new_row);
  Relation relation = checked.fires->ri_RelationDesc;
  if (stored && !table_tuple_fetch_row_version(relation, &row->new_row, SnapshotAny, checked.row))
    elog(ERROR, "a row of \"%s\" is gone before its constraints were checked", RelationGetRelationName(relation));
  if (!stored) {
    ExecARDeleteTriggers(estate, checked.queues, old_row, nullptr, nullptr, false);
  } else if (old_row == nullptr) {
    ExecARInsertTriggers(estate, checked.queues, checked.row, checked.indexes, nullptr);
  } else {
    ExecARUpdateTriggers(estate, checked.queues, nullptr, nullptr, old_row, nullptr, checked.row, checked.indexes, nullptr, false);
  }
  ExecClearTuple(checked.row);
}

const Checked& CheckedOf(EState* estate, pg::Array<Checked>* relations, const KeptRow& row) {
  for (const Checked& opened : *relations) {
    if (RelationGetRelid(opened.fires->ri_RelationDesc) == row.relid) return opened;
  }
  relations->push_back(Open(estate, row.relid, row.leaves));
  return relations->back();
}

void Close(EState* estate, const pg::Array<Checked>& relations) {
  for (const Checked& opened : relations) table_close(opened.fires->ri_RelationDesc, NoLock);
  estate->es_opened_result_relations = NIL;
  ExecCloseResultRelations(estate);  // those that triggers wrote
  ExecResetTupleTable(estate->es_tupleTable, false);
}

/// The triggers of all rows are queued, then they fire.
void Check(const Kept& kept, bool leaves) {
  EState* estate = CreateExecutorState();
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  pg::Array<Checked> relations;
  AfterTriggerBeginQuery();
  for (Chunk* chunk : kept.chunks) {
    CHECK_FOR_INTERRUPTS();
    for (int i = 0; i < chunk->count; i++) {
      KeptRow* row = &chunk->rows[i];
      if (row->leaves == leaves) Queue(estate, CheckedOf(estate, &relations, *row), row);
    }
  }
  AfterTriggerEndQuery(estate);
  Close(estate, relations);
  MemoryContextSwitchTo(before);
  FreeExecutorState(estate);
}

void AtEndOfTransaction(XactEvent event, void*) {
  if ((event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) && innermost != nullptr)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("constraints were not checked before the end of the transaction")));
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) innermost = nullptr;
}

/// The memory goes with the transaction's.
void AtEndOfSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  const int level = GetCurrentTransactionNestLevel();
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    while (innermost != nullptr && innermost->level >= level) innermost = innermost->outer;
  }
  for (Kept* at = innermost; event == SUBXACT_EVENT_COMMIT_SUB && at != nullptr; at = at->outer) {
    if (at->level >= level) at->level = level - 1;
  }
}

}  // namespace

void BeginKeepingRows() {
  const MemoryContext memory = AllocSetContextCreate(TopTransactionContext, "altius rows to check", ALLOCSET_DEFAULT_SIZES);
  auto* kept = new (MemoryContextAllocZero(memory, sizeof(Kept))) Kept{};
  kept->outer = innermost;
  kept->level = GetCurrentTransactionNestLevel();
  kept->memory = memory;
  innermost = kept;
}

bool HasConstraintsOverRows(Oid relid) {
  const catalog::Table* table = catalog::FindTable(relid);
  // Local tables of any node may refer to it.
  if (table == nullptr || table->kind == catalog::TableKind::Reference || AnyChecks(relid)) return true;
  ListCell* cell;
  foreach (cell, pg::PartitionsBelow(relid)) {
    if (AnyChecks(lfirst_oid(cell))) return true;
  }
  return false;
}

bool KeepsRows() { return innermost != nullptr; }

bool KeepRowsOf(QueryDesc* query, bool leaves) {
  EState* estate = query->estate;
  if (innermost == nullptr || estate->es_opened_result_relations == NIL || MayMoveRows(query)) return false;
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  ListCell* cell;
  foreach (cell, estate->es_opened_result_relations)
    KeepRowsOf(static_cast<ResultRelInfo*>(lfirst(cell)), leaves, estate->es_instrument);
  ShareTriggersOfPartitions(estate, estate->es_opened_result_relations);
  MemoryContextSwitchTo(before);
  return true;
}

/// Partitions are opened when rows come.  Their triggers have been queued then: other functions are called.
void KeepRoutedRows(QueryDesc* query) {
  const MemoryContext before = MemoryContextSwitchTo(query->estate->es_query_cxt);
  ListCell* cell;
  foreach (cell, query->estate->es_tuple_routing_result_relations) {
    auto* target = static_cast<ResultRelInfo*>(lfirst(cell));
    const TriggerDesc* triggers = target->ri_TrigDesc;
    auto* argument = static_cast<Target*>(palloc(sizeof(Target)));
    *argument = {RelationGetRelid(target->ri_RelationDesc), false};
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
      if (!Checks(triggers->triggers[i])) continue;
      target->ri_TrigFunctions[i] = RowTriggerFunction(triggers->triggers[i].tgfoid, OnRow, argument);
    }
  }
  ShareTriggersOfPartitions(query->estate, query->estate->es_tuple_routing_result_relations);
  MemoryContextSwitchTo(before);
}

void KeepRow(Oid relid, ItemPointer old_row, ItemPointer new_row) { Note({relid, false}, old_row, new_row); }

void CheckKeptRows() {
  Kept* kept = innermost;
  if (kept == nullptr) return;
  innermost = kept->outer;  // what the triggers do is checked at once
  CommandCounterIncrement();
  PushActiveSnapshot(GetTransactionSnapshot());
  if (kept->any_leaves) Check(*kept, true);
  if (kept->any_stays) Check(*kept, false);
  PopActiveSnapshot();
  MemoryContextDelete(kept->memory);
}

void InitKeptRows() {
  RegisterXactCallback(AtEndOfTransaction, nullptr);
  RegisterSubXactCallback(AtEndOfSubtransaction, nullptr);
}

}  // namespace altius::task
