// SPDX-License-Identifier: PostgreSQL
// Full batches leave as statements.  A few may be under way to each node; more wait, so that a slow node slows the reader
// down instead of filling memory.
#include "altius/pg/text_forms.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/task/finish.hpp"
#include "altius/task/checks.hpp"
#include "altius/task/lent_rights.hpp"
#include "altius/task/local.hpp"
#include "altius/task/ownership.hpp"
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

/// What the flight carried; null columns: nothing was kept.
void Drop(const ShipState *state, Flight *flight) {
  if (flight->columns == nullptr) return;
  for (int i = 0; i < state->ship->column_count; i++) pfree(flight->columns[i].data);
  pfree(flight->columns);
  if (flight->sql != nullptr) pfree(flight->sql);
  flight->columns = nullptr;
}

void SendShard(ShipState *state, Flight flight, bool alone);

void Land(ShipState *state, int index) {
  Shipment *shipment = state->shipment;
  Flight *flight = &shipment->flights[index];
  if (flight->request == nullptr) return;
  remote::Wait(flight->request);
  const bool moved = flight->request->moved;
  if (flight->counts) shipment->affected += flight->request->affected;
  if (!moved) shipment->landed += flight->request->affected;
  flight->request = nullptr;
  if (moved) {
    Flight again = *flight;
    again.sent_again++;
    SendShard(state, again, false);
  } else {
    Drop(state, flight);
  }
}

/// Waits for the oldest statement of the node when too many are under way.
void MakeRoom(ShipState *state, int group) {
  Shipment *shipment = state->shipment;
  int under_way = 0;
  int oldest = -1;
  for (int i = shipment->first_flight; i < shipment->flights.size(); i++) {
    Flight *flight = &shipment->flights[i];
    if (flight->group != group || flight->request == nullptr) continue;
    if (oldest < 0) oldest = i;
    under_way++;
  }
  if (under_way >= kMostFlights) Land(state, oldest);
  while (shipment->first_flight < shipment->flights.size() &&
         shipment->flights[shipment->first_flight].request == nullptr) {
    shipment->first_flight++;
  }
}

bool IsAlone(const ShipState *state) {
  const EState *estate = state->css.ss.ps.state;
  if (state->ship->changes != NIL) return false;  // triggers fire here, in the same transaction
  return estate->es_plannedstmt->planTree == state->css.ss.ps.plan && estate->es_plannedstmt->subplans == NIL &&
         task::IsWholeTransaction(estate);
}

int ParameterCount(const ShipState *state) {
  return state->ship->column_count + list_length(state->ship->arg_types);
}

void SendTo(ShipState *state, int group, const char *sql, const Batch &batch, Flight flight, bool alone) {
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
  MakeRoom(state, group);
  const remote::StatementText statement = {.sql = sql,
                                           .param_count = count,
                                           .param_types = types,
                                           .param_values = values,
                                           .binary_rows = false,
                                           .may_have_moved = flight.follows,
                                           .prepare = !alone};
  const txn::Access access = alone && !state->ship->returning && IsAlone(state) ? txn::Access::SingleWrite : txn::Access::Write;
  remote::RowSink *sink = flight.counts && state->ship->returning ? task::MakeSink(shipment->store) : nullptr;
  flight.group = group;
  task::KeepChecksBack(group, 0, state->ship->tables);
  const TupleDesc returned = state->ship->returning ? shipment->store->desc : CreateTemplateTupleDesc(0);
  flight.request = remote::Send(txn::Enlist(group, access),
                                task::WithLentRights(statement, shipment->lending, true, returned), sink);
  shipment->flights.push_back(flight);
  pfree(types);
  pfree(values);
}

/// Runs the batch on this node; false when its shard does not lie here any more.  Later batches of the same text find its
/// plan.
bool RunHere(ShipState *state, const char *sql, const Batch &batch, bool first) {
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
  const int level = pg::BeginReadingText();
  for (int i = 0; i < columns; i++) {
    types[i] = TEXTARRAYOID;
    values[i] = OidInputFunctionCall(input, batch.columns[i].data, input_param, -1);
  }
  pg::EndPortableText(level);
  const task::LocalStatement statement = {.sql = sql,
                                          .arg_count = count,
                                          .arg_types = types,
                                          .arg_values = values,
                                          .arg_nulls = nulls,
                                          .mode = task::LocalMode::Write,
                                          .snapshot = nullptr,
                                          .keep_plan = true,
                                          .lending = shipment->lending};
  task::KeepChecksBack(catalog::LocalGroup(), 0, state->ship->tables);
  const int64 affected = task::RunHere(statement, first && state->ship->returning ? shipment->store : nullptr);
  const bool moved = affected == task::kMoved;
  if (first && !moved) shipment->affected += affected;
  if (!moved) shipment->landed += affected;
  for (int i = 0; i < columns; i++) pfree(DatumGetPointer(values[i]));
  pfree(types);
  pfree(values);
  pfree(nulls);
  return !moved;
}

const plan::Template &TextOf(const plan::Ship &ship, Deed deed) {
  return deed == Deed::Leave ? ship.leave : deed == Deed::Arrive ? ship.arrive : ship.statement;
}

/// The rows of a shard that has been split, each to its part.
void SendParts(ShipState *state, const Flight &whole, const catalog::Table &table) {
  // Rows that are there already lie in the part of the key that they have, not of the one that they get.
  const bool by_key = state->ship->shard_column < 0 || whole.deed == Deed::Arrive;
  StringInfoData **parts = RowsOfParts(state, whole.columns, table, by_key);
  for (int i = 0; i < table.shard_count; i++) {
    if (parts[i] == nullptr) continue;
    SendShard(state,
              Flight{.counts = whole.counts,
                     .deed = whole.deed,
                     .follows = true,
                     .range = {table.shards[i].min, table.shards[i].max},
                     .columns = parts[i],
                     .sent_again = whole.sent_again},
              false);
  }
}

/// The text for the shard, and the group where it lies; false when what this node knows doesn't fit together.
bool FindShard(const ShipState *state, const catalog::Table &table, int index, Flight *flight, int *group) {
  const catalog::Shard &shard = table.shards[index];
  if (shard.group_count == 0) return false;
  StringInfoData sql;
  initStringInfo(&sql);
  if (!plan::AppendInstance(&sql, TextOf(*state->ship, flight->deed), state->ship->tables, &table, index)) return false;
  flight->sql = sql.data;
  *group = shard.groups[0];
  return true;
}

/// To where the shard lies now, waiting while this node has not been told.
void SendShard(ShipState *state, Flight flight, bool alone) {
  const Batch batch = {.columns = flight.columns, .rows = 1, .bytes = 0};
  for (;; flight.sent_again++) {
    task::AwaitNewPlacement(flight.sent_again);
    const catalog::Table *table = catalog::FindTable(state->ship->target);
    if (table == nullptr) elog(ERROR, "table %u is not distributed", state->ship->target);
    const int index = catalog::ShardIndexOfRange(*table, flight.range.min, flight.range.max);
    if (index < 0) {
      SendParts(state, flight, *table);
      return Drop(state, &flight);
    }
    int group;
    if (!FindShard(state, *table, index, &flight, &group)) {
      catalog::Refresh();
    } else if (group != catalog::LocalGroup()) {
      return SendTo(state, group, flight.sql, batch, flight, alone);
    } else if (RunHere(state, flight.sql, batch, flight.counts)) {
      return Drop(state, &flight);
    }
  }
}

/// To one copy; the request of what went in front.
remote::Request *SendCopy(ShipState *state, int group, const char *sql, const Batch &batch, bool leads) {
  remote::Request *before = task::BeginCopy(state->shipment->write, group);
  if (group != catalog::LocalGroup()) {
    SendTo(state, group, sql, batch, Flight{.counts = leads}, false);
  } else if (!RunHere(state, sql, batch, leads)) {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("a copy of \"%s\" is gone from this node", state->shipment->table->name)));
  }
  return before;
}

/// To all placements, the leading one first: the order of writers there is that on the others.
void SendCopies(ShipState *state, const catalog::Table &table, int index, const Batch &batch) {
  const catalog::Shard &shard = table.shards[index];
  StringInfoData sql;
  initStringInfo(&sql);
  if (!plan::AppendInstance(&sql, state->ship->statement, state->ship->tables, &table, index))
    elog(ERROR, "the shards of \"%s\" don't match those of another table", table.name);
  const int64 affected = state->shipment->affected;
  remote::Request *before = SendCopy(state, shard.groups[0], sql.data, batch, true);
  if (before != nullptr) remote::Wait(before);
  LandAll(state);
  if (state->shipment->write.carried) {
    // MERGE counts rows, too, that a trigger has kept from being changed.
    const bool merges = state->ship->command == CMD_MERGE;
    task::CarryChanges(state->shipment->write, merges ? 0 : state->shipment->affected - affected);
  } else {
    pg::Array<remote::Request *> requests;
    for (int i = 1; i < shard.group_count; i++) {
      before = SendCopy(state, shard.groups[i], sql.data, batch, false);
      if (before != nullptr) requests.push_back(before);
    }
    remote::WaitAll(requests.data(), requests.size());
  }
  pfree(sql.data);
}

void Empty(ShipState *state, Batch *batch) {
  for (int i = 0; i < state->ship->column_count && batch->columns != nullptr; i++) {
    resetStringInfo(&batch->columns[i]);
    appendStringInfoChar(&batch->columns[i], '{');
  }
  state->shipment->bytes -= batch->bytes;
  batch->bytes = 0;
  batch->rows = 0;
}

}  // namespace

void FlushBatch(ShipState *state, int shard_index, Deed deed, bool alone) {
  Shipment *shipment = state->shipment;
  Batch *batch = BatchOf(shipment, shard_index, deed);
  if (batch->rows == 0) return;
  const MemoryContext before = MemoryContextSwitchTo(shipment->memory);
  for (int i = 0; i < state->ship->column_count; i++) appendStringInfoChar(&batch->columns[i], '}');
  const catalog::Shard &shard = shipment->table->shards[shard_index];
  const catalog::Table *found = catalog::FindTable(state->ship->target);
  const catalog::Table &table = found != nullptr ? *found : *shipment->table;
  const int index = catalog::ShardIndexOfRange(table, shard.min, shard.max, shard_index);
  shipment->statements++;
  if (index >= 0 && table.shards[index].group_count > 1) {
    SendCopies(state, table, index, *batch);
    Empty(state, batch);
  } else {
    // The flight keeps the rows: the shard may move away before they arrive.
    const Flight flight = {
        .counts = state->ship->moved_column < 0, .deed = deed, .follows = true, .range = {shard.min, shard.max}, .columns = batch->columns};
    batch->columns = nullptr;
    Empty(state, batch);
    SendShard(state, flight, alone);
  }
  MemoryContextSwitchTo(before);
}

void FlushLargest(ShipState *state) {
  int largest = 0;  // rows that move wait until all have been computed
  for (int i = 1; i < state->shipment->table->shard_count; i++) {
    if (state->shipment->batches[i].bytes > state->shipment->batches[largest].bytes) largest = i;
  }
  FlushBatch(state, largest, Deed::Own, false);
}

namespace {

/// Other nodes first, so that they work while this one does.
void FlushDeed(ShipState *state, Deed deed, bool alone) {
  const Shipment *shipment = state->shipment;
  const int here = catalog::LocalGroup();
  for (int i = 0; i < shipment->table->shard_count; i++) {
    if (!catalog::HasPlacement(shipment->table->shards[i], here)) FlushBatch(state, i, deed, alone);
  }
  for (int i = 0; i < shipment->table->shard_count; i++) FlushBatch(state, i, deed, alone);
}

/// The rows were locked, so nobody else has changed them.
void RequireAllLanded(const Shipment &shipment, bool merges) {
  if (shipment.landed == shipment.rows) return;
  if (merges) {
    ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION), errmsg("MERGE command cannot affect row a second time"),
                    errhint("Ensure that not more than one source row matches any one target row.")));
  }
  ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                  errmsg("tuple to be updated was already modified by an operation triggered by the current command"),
                  errhint("Consider using an AFTER trigger instead of a BEFORE trigger to propagate changes to other rows.")));
}

}  // namespace

void FlushAll(ShipState *state) {
  Shipment *shipment = state->shipment;
  int waiting = 0;
  for (int i = 0; i < shipment->batch_count; i++) waiting += shipment->batches[i].rows > 0;
  const bool alone = waiting == 1 && shipment->statements == 0;
  if (state->ship->moved_column < 0) {
    if (waiting > 1) task::ExpectMoreRows();
    FlushDeed(state, Deed::Own, alone);
    return task::CheckBehind();
  }
  // A row may get the key of one that leaves, or of one that gets another one where it is.
  for (const Deed deed : {Deed::Leave, Deed::Own, Deed::Arrive}) {
    FlushDeed(state, deed, alone);
    LandAll(state);
  }
  RequireAllLanded(*shipment, state->ship->command == CMD_MERGE);
}

void LandAll(ShipState *state) {
  Shipment *shipment = state->shipment;
  const MemoryContext before = MemoryContextSwitchTo(shipment->memory);
  for (int i = shipment->first_flight; i < shipment->flights.size(); i++) Land(state, i);
  shipment->first_flight = 0;
  shipment->flights.clear();
  MemoryContextSwitchTo(before);
}

}  // namespace altius::ingest
