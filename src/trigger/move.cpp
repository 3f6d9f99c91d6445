// SPDX-License-Identifier: PostgreSQL
// UPDATE of the distribution column: the row is deleted in one shard and inserted in another, but to the user it is updated.  So the
// triggers of the table fire here, where the old and the new row are known before either shard is asked; those of the shards keep still.
#include "altius/pg/bridge.hpp"
#include "altius/pg/text_forms.hpp"
#include "parts.hpp"
#include "target.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
}

namespace altius::trigger {

namespace {

/// A row that the statement has updated.
struct Place {
  int64 shard;
  ItemPointerData ctid;
};

struct State {
  HTAB* places;  // of rows that are updated
  bool fires;    // triggers
};

/// One row while it is updated.
struct Update {
  Target* target;
  const Bitmapset* columns;
  TupleTableSlot* old_row;
  TupleTableSlot* new_row;
};

HTAB* MakePlaces(MemoryContext memory) {
  HASHCTL control = {};
  control.keysize = control.entrysize = sizeof(Place);
  control.hcxt = memory;
  return hash_create("altius updated rows", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/// Rows have no collation, so a call that SQL makes returns none (but may be given one: the final function of an aggregate is).
bool IsPlanned(FunctionCallInfo fcinfo, Oid relid) {
  const Node* call = fcinfo->flinfo->fn_expr;
  if (call == nullptr || !IsA(call, FuncExpr) || !OidIsValid(reinterpret_cast<const FuncExpr*>(call)->funccollid)) return false;
  const Oid type = get_fn_expr_argtype(fcinfo->flinfo, 3);
  return OidIsValid(type) && type == get_rel_type_id(relid);
}

/// Whether a trigger of users may fire when rows are updated.
bool HasTriggers(Oid relid) {
  Relation relation = table_open(relid, AccessShareLock);
  const TriggerDesc* triggers = relation->trigdesc;
  bool has = false;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    has = has || (!trigger.tgisinternal && TRIGGER_FOR_UPDATE(trigger.tgtype));
  }
  table_close(relation, NoLock);
  return has;
}

/// What the function knows during a statement.
State* StateOf(FunctionCallInfo fcinfo, Oid relid) {
  auto* state = static_cast<State*>(fcinfo->flinfo->fn_extra);
  if (state != nullptr) return state;
  state = static_cast<State*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(State)));
  state->places = MakePlaces(fcinfo->flinfo->fn_mcxt);
  state->fires = HasTriggers(relid);
  fcinfo->flinfo->fn_extra = state;
  return state;
}

/// A row that several of the sources match is updated once.
bool IsSeenAgain(HTAB* places, int64 shard, ItemPointer ctid) {
  Place place = {};
  memset(&place, 0, sizeof(Place));  // padding is compared, too
  place.shard = shard;
  ItemPointerCopy(ctid, &place.ctid);
  bool found;
  hash_search(places, &place, HASH_ENTER, &found);
  return found;
}

HeapTuple TupleOf(Datum row, Oid relid) {
  HeapTupleHeader header = DatumGetHeapTupleHeader(row);
  HeapTupleData tuple = {};
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  tuple.t_data = header;
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = relid;
  return heap_copytuple(&tuple);
}

HeapTuple TupleIn(TupleTableSlot* slot) { return ExecFetchSlotHeapTuple(slot, false, nullptr); }

/// WHEN (...), of both rows.
bool Passes(const Trigger& trigger, const Update& update) {
  if (trigger.tgqual == nullptr) return true;
  Node* condition = static_cast<Node*>(stringToNode(trigger.tgqual));
  ChangeVarNodes(condition, PRS2_OLD_VARNO, INNER_VAR, 0);
  ChangeVarNodes(condition, PRS2_NEW_VARNO, OUTER_VAR, 0);
  EState* estate = update.target->caller->estate;
  ExprState* state = ExecPrepareQual(make_ands_implicit(reinterpret_cast<Expr*>(condition)), estate);
  ExprContext* context = GetPerTupleExprContext(estate);
  context->ecxt_innertuple = update.old_row;
  context->ecxt_outertuple = update.new_row;
  return ExecQual(state, context);
}

bool Fires(const Trigger& trigger, const Update& update, int16 level, int16 timing) {
  return !trigger.tgisinternal && TRIGGER_TYPE_MATCHES(trigger.tgtype, level, timing, TRIGGER_TYPE_UPDATE) && IsEnabled(trigger) &&
         IsOfColumns(trigger, update.columns) && (level != TRIGGER_TYPE_ROW || Passes(trigger, update));
}

/// BEFORE UPDATE: they may change the new row; false when one of them wants no update.
bool FireBefore(Update* update) {
  const TriggerDesc* triggers = update->target->triggers;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    Trigger trigger = triggers->triggers[i];
    if (!Fires(trigger, *update, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE)) continue;
    TriggerData data = {};
    data.type = T_TriggerData;
    data.tg_event = TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW | TRIGGER_EVENT_BEFORE;
    data.tg_relation = update->target->relation;
    data.tg_trigger = &trigger;
    data.tg_trigtuple = TupleIn(update->old_row);
    data.tg_newtuple = TupleIn(update->new_row);
    data.tg_trigslot = update->old_row;
    data.tg_newslot = update->new_row;
    data.tg_updatedcols = AsAttributes(update->columns);
    HeapTuple result;
    if (!CallTrigger(update->target->caller, &data, &result)) return false;
    ExecStoreHeapTuple(result, update->new_row, true);
  }
  return true;
}

/// --- AFTER triggers: told like those of shards ---

bool HasAfter(const TriggerDesc* triggers) {
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    if (!trigger.tgisinternal && TRIGGER_FOR_UPDATE(trigger.tgtype) && TRIGGER_FOR_AFTER(trigger.tgtype)) return true;
  }
  return false;
}

/// The new row with its generated columns.
HeapTuple WithGenerated(const Update& update) {
  Relation relation = update.target->relation;
  const TupleDesc columns = RelationGetDescr(relation);
  HeapTuple row = TupleIn(update.new_row);
  if (columns->constr == nullptr || !columns->constr->has_generated_stored) return row;
  EState* estate = update.target->caller->estate;
  ExprContext* context = GetPerTupleExprContext(estate);
  context->ecxt_scantuple = update.new_row;
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * columns->natts));
  auto* nulls = static_cast<bool*>(palloc0(columns->natts));
  auto* replaced = static_cast<bool*>(palloc0(columns->natts));
  for (int i = 0; i < columns->natts; i++) {
    if (TupleDescAttr(columns, i)->attgenerated != ATTRIBUTE_GENERATED_STORED) continue;
    ExprState* value = ExecPrepareExpr(reinterpret_cast<Expr*>(build_column_default(relation, i + 1)), estate);
    values[i] = ExecEvalExpr(value, context, &nulls[i]);
    replaced[i] = true;
  }
  return heap_modify_tuple(row, columns, values, nulls, replaced);
}

struct Told {
  int64 shard_id;
  int group;
  const char* old_row;
  const char* new_row;
};

void Tell(const Told& told, const Trigger& trigger, core::EventPart part, uint32 bits) {
  pg::Entry([&] {
    core::TriggerEvent event;
    event.part = part;
    event.shard_id = told.shard_id;
    event.group = told.group;
    event.event = TRIGGER_EVENT_UPDATE | bits;
    event.trigger = trigger.tgname;
    if (part != core::EventPart::NewTable) event.old_row = told.old_row;
    if (part != core::EventPart::OldTable) event.new_row = told.new_row;
    const std::string text = core::EventText(event);
    pg::Call([&] {
      if (!AddHere(text.c_str())) elog(ERROR, "no statement is being asked for");
    });
  });
}

const char* TextOf(const Update& update, HeapTuple row, bool names) {
  FmgrInfo output;
  fmgr_info(F_RECORD_OUT, &output);
  const int level = pg::BeginPortableText(names);
  const char* text = OutputFunctionCall(&output, heap_copy_tuple_as_datum(row, RelationGetDescr(update.target->relation)));
  pg::EndPortableText(level);
  return text;
}

void TellAfter(const Update& update) {
  const TriggerDesc* triggers = update.target->triggers;
  if (!HasAfter(triggers)) return;
  const catalog::Table* table = catalog::FindTable(update.target->relid);
  if (table == nullptr || table->shard_count == 0) elog(ERROR, "table %u is not distributed", update.target->relid);
  const bool names = pg::TextNamesObjects(RelationGetDescr(update.target->relation));
  HeapTuple new_row = WithGenerated(update);
  const Told told = {table->shards[0].id, table->shards[0].groups[0], TextOf(update, TupleIn(update.old_row), names),
                     TextOf(update, new_row, names)};
  // Conditions see what is generated.  A row that has nothing of that is the slot's own, which would be freed.
  if (new_row != TupleIn(update.new_row)) ExecStoreHeapTuple(new_row, update.new_row, false);
  for (int i = 0; i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    const bool row = Fires(trigger, update, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER);
    const bool statement = Fires(trigger, update, TRIGGER_TYPE_STATEMENT, TRIGGER_TYPE_AFTER);
    const uint32 bits = TRIGGER_EVENT_AFTER | (row ? TRIGGER_EVENT_ROW : 0);
    if ((row || statement) && trigger.tgoldtable != nullptr) Tell(told, trigger, core::EventPart::OldTable, bits);
    if ((row || statement) && trigger.tgnewtable != nullptr) Tell(told, trigger, core::EventPart::NewTable, bits);
    if (row) Tell(told, trigger, core::EventPart::Row, bits);
  }
}

TupleTableSlot* SlotWith(const Target* target, Datum row) {
  TupleTableSlot* slot = MakeSingleTupleTableSlot(RelationGetDescr(target->relation), &TTSOpsHeapTuple);
  return ExecStoreHeapTuple(TupleOf(row, target->relid), slot, true);
}

/// The new row after its BEFORE triggers; false when there is to be none.
bool UpdateRow(Oid relid, Datum old_row, Datum new_row, Datum* result) {
  Target* target = OpenTarget(relid);
  Update update = {target, ColumnsSet(relid), SlotWith(target, old_row), SlotWith(target, new_row)};
  const bool updates = FireBefore(&update);
  if (updates) {
    *result = heap_copy_tuple_as_datum(TupleIn(update.new_row), RelationGetDescr(target->relation));
    TellAfter(update);
  }
  ExecDropSingleTupleTableSlot(update.old_row);
  ExecDropSingleTupleTableSlot(update.new_row);
  CloseTarget(target);
  return updates;
}

}  // namespace

}  // namespace altius::trigger

/// update_row(relation oid, shard bigint, ctid tid, old row, new row): null when the row is not updated.
ALTIUS_FUNCTION(altius_update_row) {
  const Oid relid = PG_GETARG_OID(0);
  if (!altius::trigger::IsPlanned(fcinfo, relid)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("altius_internal.update_row can't be called")));
  }
  const auto* state = altius::trigger::StateOf(fcinfo, relid);
  auto* ctid = reinterpret_cast<ItemPointer>(PG_GETARG_POINTER(2));
  if (altius::trigger::IsSeenAgain(state->places, PG_GETARG_INT64(1), ctid)) PG_RETURN_NULL();
  if (!state->fires) PG_RETURN_DATUM(PG_GETARG_DATUM(4));
  Datum result;
  if (!altius::trigger::UpdateRow(relid, PG_GETARG_DATUM(3), PG_GETARG_DATUM(4), &result)) PG_RETURN_NULL();
  PG_RETURN_DATUM(result);
}
