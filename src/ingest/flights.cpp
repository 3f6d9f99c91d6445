// SPDX-License-Identifier: PostgreSQL
// Full batches leave as statements.  A few may be under way to each node; more wait, so that a slow node slows the reader
// down instead of filling memory.
#include "altius/plan/instantiate.hpp"
#include "altius/task/finish.hpp"
#include "altius/task/local.hpp"
#include "altius/txn/coordinated.hpp"
#include "state.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

constexpr int kMostFlights = 4;  // to one node

void Land(Shipment *shipment, Flight *flight) {
  if (flight->request == nullptr) return;
  remote::Wait(flight->request);
  if (flight->counts) shipment->affected += flight->request->affected;
  flight->request = nullptr;
}

/// Waits for the oldest statement of the node when too many are under way.
void MakeRoom(Shipment *shipment, int group) {
  int under_way = 0;
  Flight *oldest = nullptr;
  for (int i = shipment->first_flight; i < shipment->flights.size(); i++) {
    Flight *flight = &shipment->flights[i];
    if (flight->group != group || flight->request == nullptr) continue;
    if (oldest == nullptr) oldest = flight;
    under_way++;
  }
  if (under_way >= kMostFlights) Land(shipment, oldest);
  while (shipment->first_flight < shipment->flights.size() &&
         shipment->flights[shipment->first_flight].request == nullptr) {
    shipment->first_flight++;
  }
}

bool IsAlone(const ShipState *state) {
  const EState *estate = state->css.ss.ps.state;
  return estate->es_plannedstmt->planTree == state->css.ss.ps.plan && estate->es_plannedstmt->subplans == NIL &&
         task::IsWholeTransaction(estate);
}

int ParameterCount(const ShipState *state) {
  return state->ship->column_count + list_length(state->ship->arg_types);
}

void SendTo(ShipState *state, int group, const char *sql, const Batch &batch, bool first, bool alone) {
  Shipment *shipment = state->shipment;
  const int columns = state->ship->column_count;
  const int count = ParameterCount(state);
  auto *types = static_cast<Oid *>(palloc(sizeof(Oid) * std::max(count, 1)));
  auto *values = static_cast<const char **>(palloc(sizeof(char *) * std::max(count, 1)));
  for (int i = 0; i < columns; i++) {
    types[i] = TEXTARRAYOID;
    values[i] = batch.columns[i].data;
  }
  for (int i = columns; i < count; i++) {
    const Oid type = list_nth_oid(state->ship->arg_types, i - columns);
    types[i] = type < FirstNormalObjectId ? type : InvalidOid;  // other oids differ between nodes
    values[i] = shipment->arg_texts[i - columns];
  }
  MakeRoom(shipment, group);
  const remote::StatementText statement = {.sql = sql,
                                           .param_count = count,
                                           .param_types = types,
                                           .param_values = values,
                                           .binary_rows = false,
                                           .prepare = !alone};
  const txn::Access access = alone && IsAlone(state) ? txn::Access::SingleWrite : txn::Access::Write;
  remote::RowSink *sink = first && state->ship->returning ? task::MakeSink(shipment->store) : nullptr;
  remote::Request *request = remote::Send(txn::Enlist(group, access), statement, sink);
  shipment->flights.push_back(Flight{.group = group, .request = request, .counts = first});
  pfree(types);
  pfree(values);
}

/// Runs the batch on this node.  Later batches of the same text find its plan.
void RunHere(ShipState *state, const char *sql, const Batch &batch, bool first) {
  Shipment *shipment = state->shipment;
  const int columns = state->ship->column_count;
  const int count = ParameterCount(state);
  auto *types = static_cast<Oid *>(palloc(sizeof(Oid) * std::max(count, 1)));
  auto *values = static_cast<Datum *>(palloc(sizeof(Datum) * std::max(count, 1)));
  auto *nulls = static_cast<bool *>(palloc0(std::max(count, 1)));
  Oid input;
  Oid input_param;
  getTypeInputInfo(TEXTARRAYOID, &input, &input_param);
  for (int i = columns; i < count; i++) {
    types[i] = list_nth_oid(state->ship->arg_types, i - columns);
    values[i] = shipment->args[i - columns];
    nulls[i] = shipment->arg_nulls[i - columns];
  }
  for (int i = 0; i < columns; i++) {
    types[i] = TEXTARRAYOID;
    values[i] = OidInputFunctionCall(input, batch.columns[i].data, input_param, -1);
  }
  const task::LocalStatement statement = {.sql = sql,
                                          .arg_count = count,
                                          .arg_types = types,
                                          .arg_values = values,
                                          .arg_nulls = nulls,
                                          .mode = task::LocalMode::Write,
                                          .snapshot = nullptr,
                                          .keep_plan = true};
  const int64 affected = task::RunHere(statement, first && state->ship->returning ? shipment->store : nullptr);
  if (first) shipment->affected += affected;
  for (int i = 0; i < columns; i++) pfree(DatumGetPointer(values[i]));
  pfree(types);
  pfree(values);
  pfree(nulls);
}

/// To one placement.  The first of several is waited for: writers of a reference table meet there, in one order.
void FlushTo(ShipState *state, int group, const char *sql, const Batch &batch, bool first, bool alone) {
  if (group == catalog::LocalGroup()) {
    RunHere(state, sql, batch, first);
    return;
  }
  SendTo(state, group, sql, batch, first, alone);
}

void Empty(ShipState *state, Batch *batch) {
  for (int i = 0; i < state->ship->column_count; i++) {
    resetStringInfo(&batch->columns[i]);
    appendStringInfoChar(&batch->columns[i], '{');
  }
  state->shipment->bytes -= batch->bytes;
  batch->bytes = 0;
  batch->rows = 0;
}

}  // namespace

void FlushBatch(ShipState *state, int shard_index, bool alone) {
  Shipment *shipment = state->shipment;
  Batch *batch = &shipment->batches[shard_index];
  if (batch->rows == 0) return;
  const MemoryContext before = MemoryContextSwitchTo(shipment->memory);
  StringInfoData sql;
  initStringInfo(&sql);
  plan::AppendInstance(&sql, state->ship->statement, state->ship->tables, shard_index);
  for (int i = 0; i < state->ship->column_count; i++) appendStringInfoChar(&batch->columns[i], '}');
  const catalog::Shard &shard = shipment->table->shards[shard_index];
  for (int i = 0; i < shard.group_count; i++) {
    FlushTo(state, shard.groups[i], sql.data, *batch, i == 0, alone && shard.group_count == 1);
    if (i == 0 && shard.group_count > 1) LandAll(state);
  }
  shipment->statements++;
  pfree(sql.data);
  Empty(state, batch);
  MemoryContextSwitchTo(before);
}

void FlushLargest(ShipState *state) {
  int largest = 0;
  for (int i = 1; i < state->shipment->table->shard_count; i++) {
    if (state->shipment->batches[i].bytes > state->shipment->batches[largest].bytes) largest = i;
  }
  FlushBatch(state, largest, false);
}

void FlushAll(ShipState *state) {
  Shipment *shipment = state->shipment;
  int waiting = 0;
  for (int i = 0; i < shipment->table->shard_count; i++) waiting += shipment->batches[i].rows > 0;
  const bool alone = waiting == 1 && shipment->statements == 0;
  const int here = catalog::LocalGroup();
  // Other nodes first, so that they work while this one does.
  for (int i = 0; i < shipment->table->shard_count; i++) {
    if (!catalog::HasPlacement(shipment->table->shards[i], here)) FlushBatch(state, i, alone);
  }
  for (int i = 0; i < shipment->table->shard_count; i++) FlushBatch(state, i, alone);
}

void LandAll(ShipState *state) {
  Shipment *shipment = state->shipment;
  for (int i = shipment->first_flight; i < shipment->flights.size(); i++) Land(shipment, &shipment->flights[i]);
  shipment->first_flight = 0;
  shipment->flights.clear();
}

}  // namespace altius::ingest
