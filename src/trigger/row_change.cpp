// SPDX-License-Identifier: PostgreSQL
#include "row_change.hpp"

#include "altius/pg/text_forms.hpp"
#include "move_partitions.hpp"

extern "C" {
#include "access/htup_details.h"
#include "nodes/makefuncs.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::trigger {

namespace {

TriggerEvent EventOf(const RowChange& change) {
  switch (change.type) {
    case TRIGGER_TYPE_INSERT:
      return TRIGGER_EVENT_INSERT;
    case TRIGGER_TYPE_DELETE:
      return TRIGGER_EVENT_DELETE;
    default:
      return TRIGGER_EVENT_UPDATE;
  }
}

/// WHEN (...), of both rows.
bool Passes(const Trigger& trigger, const RowChange& change) {
  if (trigger.tgqual == nullptr) return true;
  Node* condition = static_cast<Node*>(stringToNode(trigger.tgqual));
  ChangeVarNodes(condition, PRS2_OLD_VARNO, INNER_VAR, 0);
  ChangeVarNodes(condition, PRS2_NEW_VARNO, OUTER_VAR, 0);
  EState* estate = change.target->caller->estate;
  ExprState* state = ExecPrepareQual(make_ands_implicit(reinterpret_cast<Expr*>(condition)), estate);
  ExprContext* context = GetPerTupleExprContext(estate);
  context->ecxt_innertuple = change.old_row;
  context->ecxt_outertuple = change.new_row;
  return ExecQual(state, context);
}

bool IsOfKind(const Trigger& trigger, const RowChange& change, int16 level, int16 timing) {
  return !trigger.tgisinternal && TRIGGER_TYPE_MATCHES(trigger.tgtype, level, timing, change.type) && IsEnabled(trigger) &&
         (change.type != TRIGGER_TYPE_UPDATE || IsOfColumns(trigger, change.columns));
}

bool Fires(const Trigger& trigger, const RowChange& change, int16 timing) {
  return IsOfKind(trigger, change, TRIGGER_TYPE_ROW, timing) && Passes(trigger, change);
}

/// Null when there is to be no change; else the new row.
HeapTuple Call(const RowChange& change, Trigger trigger) {
  TriggerData data = {};
  data.type = T_TriggerData;
  data.tg_event = EventOf(change) | TRIGGER_EVENT_ROW | TRIGGER_EVENT_BEFORE;
  data.tg_relation = change.target->relation;
  data.tg_trigger = &trigger;
  TupleTableSlot* first = change.old_row != nullptr ? change.old_row : change.new_row;
  data.tg_trigtuple = TupleIn(first);
  data.tg_trigslot = first;
  if (change.type == TRIGGER_TYPE_UPDATE) {
    data.tg_newtuple = TupleIn(change.new_row);
    data.tg_newslot = change.new_row;
    data.tg_updatedcols = AsAttributes(change.columns);
  }
  HeapTuple result;
  return CallTrigger(change.target->caller, &data, &result) ? result : nullptr;
}

}  // namespace

TupleTableSlot* NewSlot(const Target* target) {
  return MakeSingleTupleTableSlot(RelationGetDescr(target->relation), &TTSOpsHeapTuple);
}

HeapTuple TupleIn(TupleTableSlot* slot) { return ExecFetchSlotHeapTuple(slot, false, nullptr); }

bool FireBeforeRow(RowChange* change) {
  const TriggerDesc* triggers = change->target->triggers;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    if (!Fires(trigger, *change, TRIGGER_TYPE_BEFORE)) continue;
    HeapTuple result = Call(*change, trigger);
    if (result == nullptr) return false;
    if (change->new_row == nullptr) continue;
    ExecStoreHeapTuple(result, change->new_row, true);
    if (change->type == TRIGGER_TYPE_INSERT && trigger.tgisclone) CheckStaysInPartition(*change, trigger);
  }
  return true;
}

void ComputeGenerated(const RowChange& change) {
  Relation relation = change.target->relation;
  const TupleDesc columns = RelationGetDescr(relation);
  if (columns->constr == nullptr || !columns->constr->has_generated_stored) return;
  EState* estate = change.target->caller->estate;
  ExprContext* context = GetPerTupleExprContext(estate);
  context->ecxt_scantuple = change.new_row;
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * columns->natts));
  auto* nulls = static_cast<bool*>(palloc0(columns->natts));
  auto* replaced = static_cast<bool*>(palloc0(columns->natts));
  for (int i = 0; i < columns->natts; i++) {
    if (TupleDescAttr(columns, i)->attgenerated != ATTRIBUTE_GENERATED_STORED) continue;
    ExprState* value = ExecPrepareExpr(reinterpret_cast<Expr*>(build_column_default(relation, i + 1)), estate);
    values[i] = ExecEvalExpr(value, context, &nulls[i]);
    replaced[i] = true;
  }
  ExecStoreHeapTuple(heap_modify_tuple(TupleIn(change.new_row), columns, values, nulls, replaced), change.new_row, true);
}

/// --- AFTER triggers: told like those of shards ---

namespace {

struct Told {
  int64 shard_id;
  int group;
  uint32 event;
  const char* old_row;
  const char* new_row;
};

void Tell(const Told& told, const Trigger& trigger, core::EventPart part, uint32 bits) {
  pg::Entry([&] {
    core::TriggerEvent event;
    event.part = part;
    event.shard_id = told.shard_id;
    event.group = told.group;
    event.event = told.event | TRIGGER_EVENT_AFTER | bits;
    event.trigger = trigger.tgname;
    if (told.old_row != nullptr && part != core::EventPart::NewTable) event.old_row = told.old_row;
    if (told.new_row != nullptr && part != core::EventPart::OldTable) event.new_row = told.new_row;
    const std::string text = core::EventText(event);
    pg::Call([&] {
      if (!AddHere(text.c_str())) elog(ERROR, "no statement is being asked for");
    });
  });
}

const char* TextOf(const RowChange& change, TupleTableSlot* row, bool names) {
  if (row == nullptr) return nullptr;
  FmgrInfo output;
  fmgr_info(F_RECORD_OUT, &output);
  const int level = pg::BeginPortableText(names);
  const char* text = OutputFunctionCall(&output, heap_copy_tuple_as_datum(TupleIn(row), RelationGetDescr(change.target->relation)));
  pg::EndPortableText(level);
  return text;
}

Told Describe(const RowChange& change) {
  const catalog::Table* table = catalog::FindTable(change.target->relid);
  if (table == nullptr || table->shard_count == 0) elog(ERROR, "table %u is not distributed", change.target->relid);
  const bool names = pg::TextNamesObjects(RelationGetDescr(change.target->relation));
  return {table->shards[0].id, table->shards[0].groups[0], EventOf(change), TextOf(change, change.old_row, names),
          TextOf(change, change.new_row, names)};
}

/// Calls `tell` of the triggers that are `wanted` with what is told of the change.
template <typename Wanted, typename Say>
void TellEach(const RowChange& change, Wanted&& wanted, Say&& say) {
  const TriggerDesc* triggers = change.target->triggers;
  Told told = {};
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    if (!wanted(trigger)) continue;
    if (told.shard_id == 0) told = Describe(change);
    say(told, trigger);
  }
}

}  // namespace

void TellAfterRow(const RowChange& change) {
  TellEach(
      change, [&](const Trigger& trigger) { return Fires(trigger, change, TRIGGER_TYPE_AFTER); },
      [](const Told& told, const Trigger& trigger) { Tell(told, trigger, core::EventPart::Row, TRIGGER_EVENT_ROW); });
}

void TellTransitionsOfRow(const RowChange& change) {
  // All rows are in them, also those for which the trigger's condition does not hold.
  const auto has_tables = [&](const Trigger& trigger) {
    if (trigger.tgoldtable == nullptr && trigger.tgnewtable == nullptr) return false;
    return IsOfKind(trigger, change, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER) ||
           IsOfKind(trigger, change, TRIGGER_TYPE_STATEMENT, TRIGGER_TYPE_AFTER);
  };
  TellEach(change, has_tables, [](const Told& told, const Trigger& trigger) {
    const uint32 bits = TRIGGER_FOR_ROW(trigger.tgtype) ? TRIGGER_EVENT_ROW : 0;
    if (trigger.tgoldtable != nullptr) Tell(told, trigger, core::EventPart::OldTable, bits);
    if (trigger.tgnewtable != nullptr) Tell(told, trigger, core::EventPart::NewTable, bits);
  });
}

}  // namespace altius::trigger
