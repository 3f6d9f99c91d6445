// SPDX-License-Identifier: PostgreSQL
// Rows of the child plan, each to its shard.
#include "altius/pg/bridge.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/pg/walk.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/task/checks.hpp"
#include "altius/task/finish.hpp"
#include "altius/task/lent_rights.hpp"
#include "state.hpp"

extern "C" {
#include "executor/executor.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

/// The shipment's memory goes: its requests must not write into it any more.  Also called when the transaction aborts.
void ForgetRequests(void *argument) {
  const Shipment *shipment = static_cast<Shipment *>(argument);
  for (const Flight &flight : shipment->flights) {
    if (flight.request != nullptr && !flight.request->finished) remote::Forget(flight.request, false);
  }
}

const catalog::Table *Target(const plan::Ship &ship) {
  const catalog::Table *table = catalog::FindTable(ship.target);
  if (table == nullptr) elog(ERROR, "table %u is not distributed", ship.target);
  catalog::RequireShards(*table);
  return table;
}

void MakeOutputs(ShipState *state) {
  const TupleDesc desc = ExecGetResultType(ChildOf(state));
  const int count = state->ship->column_count;
  if (desc->natts < count) elog(ERROR, "shipped rows have %d columns, not %d", desc->natts, count);
  state->shipment->outputs = static_cast<FmgrInfo *>(palloc0(sizeof(FmgrInfo) * std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    Oid function;
    bool varlena;
    getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, &function, &varlena);
    fmgr_info(function, &state->shipment->outputs[i]);
    state->shipment->names = state->shipment->names || pg::TextNamesObjects(TupleDescAttr(desc, i)->atttypid);
  }
}

/// Parameters behind the columns are evaluated once, and travel with each batch.
void EvaluateArgs(ShipState *state) {
  Shipment *shipment = state->shipment;
  const int count = list_length(state->arg_states);
  shipment->args = static_cast<Datum *>(palloc0(sizeof(Datum) * std::max(count, 1)));
  shipment->arg_nulls = static_cast<bool *>(palloc0(std::max(count, 1)));
  shipment->arg_texts = static_cast<char **>(palloc0(sizeof(char *) * std::max(count, 1)));
  bool names = false;
  for (int i = 0; i < count; i++) names = names || pg::TextNamesObjects(list_nth_oid(state->ship->arg_types, i));
  for (int i = 0; i < count; i++) {
    auto *evaluator = static_cast<ExprState *>(list_nth(state->arg_states, i));
    const Oid type = list_nth_oid(state->ship->arg_types, i);
    bool is_null;
    const Datum value = ExecEvalExprSwitchContext(evaluator, state->css.ss.ps.ps_ExprContext, &is_null);
    shipment->arg_nulls[i] = is_null;
    if (is_null) continue;
    Oid output;
    bool varlena;
    int16 length;
    bool by_value;
    get_typlenbyval(type, &length, &by_value);
    shipment->args[i] = datumCopy(value, by_value, length);
    getTypeOutputInfo(type, &output, &varlena);
    const int level = pg::BeginPortableText(names);
    shipment->arg_texts[i] = OidOutputFunctionCall(output, value);
    pg::EndPortableText(level);
  }
}

void StartShipment(ShipState *state) {
  const MemoryContext memory =
      AllocSetContextCreate(state->css.ss.ps.state->es_query_cxt, "altius shipment", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(memory);
  auto *shipment = new (palloc0(sizeof(Shipment))) Shipment{};
  auto *callback = static_cast<MemoryContextCallback *>(palloc0(sizeof(MemoryContextCallback)));
  callback->func = ForgetRequests;
  callback->arg = shipment;
  MemoryContextRegisterResetCallback(memory, callback);
  shipment->memory = memory;
  shipment->row_memory = AllocSetContextCreate(memory, "altius shipped row", ALLOCSET_DEFAULT_SIZES);
  shipment->table = Target(*state->ship);
  shipment->write = task::WriteOf(*shipment->table, state->ship->copies, 0);
  shipment->batch_count = shipment->table->shard_count * (state->ship->moved_column >= 0 ? kDeeds : 1);
  shipment->batches = static_cast<Batch *>(palloc0(sizeof(Batch) * std::max(shipment->batch_count, 1)));
  shipment->store = task::MakeRowStore(state->css.ss.ss_ScanTupleSlot->tts_tupleDescriptor, true);
  shipment->lending = task::LendingFor(state->css.ss.ps.state->es_plannedstmt, state->ship->tables, state->ship->shard_column >= 0);
  if (state->ship->moved_column >= 0) {
    task::ExpectMoves();
    // To the user a row that moves is updated: DELETE and INSERT are ours.  And only what carries a ticket keeps triggers still.
    shipment->lending.needed = true;
    shipment->lending.target = InvalidOid;  // policies were asked with the rows
    shipment->lending.hides_rows = !pg::MayUse(shipment->table->relid, GetUserId(), ACL_SELECT);
  }
  state->shipment = shipment;
  MakeOutputs(state);
  EvaluateArgs(state);
  MemoryContextSwitchTo(before);
}

int ShardById(const Shipment &shipment, int64 shard_id) {
  // A row of a partition lies in a shard of the partition; those of the same number belong together.
  int index;
  const catalog::Table *table = catalog::FindTableOfShard(shard_id, &index);
  if (table != nullptr && table->colocation == shipment.table->colocation) {
    const catalog::Shard &shard = table->shards[index];
    index = catalog::ShardIndexOfRange(*shipment.table, shard.min, shard.max, index);
    if (index >= 0) return index;
  }
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("a shard of \"%s\" was split while the statement ran", shipment.table->name),
                  errhint("Run the transaction again.")));
  pg_unreachable();
}

int ShardOfKey(const ShipState *state, TupleTableSlot *slot) {
  const plan::Ship &ship = *state->ship;
  const Shipment &shipment = *state->shipment;
  if (shipment.table->kind != catalog::TableKind::Hash) return 0;
  if (ship.key_column < 0) elog(ERROR, "shipped rows have no distribution column");
  bool is_null;
  const Datum key = slot_getattr(slot, ship.key_column + 1, &is_null);
  return catalog::ShardIndexOfKey(*shipment.table, key, is_null);
}

int ShardOf(const ShipState *state, TupleTableSlot *slot) {
  if (state->ship->shard_column >= 0) {
    bool is_null;
    const Datum shard_id = slot_getattr(slot, state->ship->shard_column + 1, &is_null);
    if (!is_null) return ShardById(*state->shipment, DatumGetInt64(shard_id));  // else it is a new row
  }
  return ShardOfKey(state, slot);
}

struct ChildShape {
  int fragments;
  bool may_rescan;
};

bool Inspect(PlanState *planstate, void *context) {
  if (planstate == nullptr) return false;
  auto *shape = static_cast<ChildShape *>(context);
  if (IsA(planstate, CustomScanState)) shape->fragments++;
  if (IsA(planstate, NestLoopState) || planstate->subPlan != NIL || planstate->initPlan != NIL) shape->may_rescan = true;
  return pg::WalkStates(planstate, Inspect, context);
}

/// Whether rows can be shipped while the child still runs: it must not read on the nodes after the first row has arrived
/// there, or it would see its own statement's work.  A single fragment has sent its statements before it returns a row.
bool MayStream(const ShipState *state) {
  ChildShape shape{};
  Inspect(ChildOf(state), &shape);
  return shape.fragments == 0 || (shape.fragments == 1 && !shape.may_rescan);
}

/// What RETURNING gives is known before the row is changed.
void KeepReturned(const ShipState *state, TupleTableSlot *slot) {
  const int first = state->ship->returned_column;
  if (first < 0) return;
  task::RowStore *store = state->shipment->store;
  slot_getallattrs(slot);
  tuplestore_putvalues(store->tuples, store->desc, slot->tts_values + first, slot->tts_isnull + first);
  store->rows++;
}

void ShipRow(ShipState *state, TupleTableSlot *slot) {
  const plan::Ship &ship = *state->ship;
  bool is_null = false;
  if (ship.moved_column < 0) {
    AddRow(state, ShardOf(state, slot), Deed::Own, slot);
    return KeepReturned(state, slot);
  }
  const int from = ShardOf(state, slot);
  const int to = DatumGetBool(slot_getattr(slot, ship.moved_column + 1, &is_null)) ? ShardOfKey(state, slot) : from;
  AddRow(state, from, to == from ? Deed::Own : Deed::Leave, slot);
  if (to != from) AddRow(state, to, Deed::Arrive, slot);
  KeepReturned(state, slot);
  state->shipment->affected++;
}

void ShipStreaming(ShipState *state) {
  PlanState *child = ChildOf(state);
  for (;;) {
    TupleTableSlot *slot = ExecProcNode(child);
    if (TupIsNull(slot)) return;
    ShipRow(state, slot);
    ResetPerTupleExprContext(state->css.ss.ps.state);
  }
}

void ShipAtEnd(ShipState *state) {
  PlanState *child = ChildOf(state);
  Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
  for (;;) {
    TupleTableSlot *slot = ExecProcNode(child);
    if (TupIsNull(slot)) break;
    tuplestore_puttupleslot(rows, slot);
  }
  TupleTableSlot *slot = MakeSingleTupleTableSlot(ExecGetResultType(child), &TTSOpsMinimalTuple);
  while (tuplestore_gettupleslot(rows, true, false, slot)) {
    CHECK_FOR_INTERRUPTS();
    ShipRow(state, slot);
  }
  ExecDropSingleTupleTableSlot(slot);
  tuplestore_end(rows);
}

}  // namespace

void RunShipment(ShipState *state) {
  StartShipment(state);
  if (MayStream(state)) {
    ShipStreaming(state);
  } else {
    ShipAtEnd(state);
  }
  FlushAll(state);
  LandAll(state);
  if (task::SetsTag(&state->css, state->ship->command)) state->css.ss.ps.state->es_processed += state->shipment->affected;
}

void EndShipment(ShipState *state) {
  Shipment *shipment = state->shipment;
  if (shipment == nullptr) return;
  ExecClearTuple(state->row);
  task::CloseRowStore(shipment->store);
  state->shipment = nullptr;
  MemoryContextDelete(shipment->memory);
}

}  // namespace altius::ingest
