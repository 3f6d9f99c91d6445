// SPDX-License-Identifier: PostgreSQL
// The state of a ship scan: rows of the child plan on their way to the shards.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/ranges.hpp"
#include "altius/pg/array.hpp"
#include "altius/plan/ship.hpp"
#include "altius/task/copies.hpp"
#include "altius/task/lending.hpp"
#include "altius/task/rows.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
}

namespace altius::ingest {

/// What becomes of a row in a shard.
enum class Deed : uint8_t {
  Own,     // the ship's statement
  Leave,   // it goes to another one
  Arrive,  // it comes from another one
};
inline constexpr int kDeeds = 3;

/// Rows that wait for one shard: an array literal under construction for each column.
struct Batch {
  StringInfoData *columns;  // null until the first row
  int rows;
  Size bytes;
};

/// A statement under way.
struct Flight {
  int group;
  remote::Request *request;
  bool counts;  // its affected rows are the statement's: it is the first placement
  Deed deed;
  bool follows;  // its shard may move or be split; not: a copy of several
  core::HashRange range;  // of the shard
  char *sql;
  StringInfoData *columns;  // kept until it has landed
  int sent_again;
};

/// One execution.
struct Shipment {
  MemoryContext memory;
  MemoryContext row_memory;
  const catalog::Table *table;
  Batch *batches;          // by deed, then by shard index
  int batch_count;
  Size bytes;              // of all batches
  pg::Array<Flight> flights;
  int first_flight;        // those before it have landed
  task::RowStore *store;   // rows of RETURNING
  Datum *args;             // values of the parameters behind the columns
  bool *arg_nulls;
  char **arg_texts;
  FmgrInfo *outputs;       // of the child's leading columns
  bool names;              // some are printed as names of objects
  task::Lending lending;   // rights on the shards
  task::CopyWrite write;   // of a reference table
  int64 affected;
  int64 landed;            // rows that statements have dealt with
  int64 rows;
  int statements;
};

struct ShipState {
  CustomScanState css;  // first: PostgreSQL sees this
  plan::Ship *ship;
  List *arg_states;     // of ExprState: parameters behind the columns
  TupleTableSlot *row;  // what comes out of the store
  Shipment *shipment;   // null until started
};

inline ShipState *Cast(CustomScanState *state) { return reinterpret_cast<ShipState *>(state); }
inline PlanState *ChildOf(const ShipState *state) { return static_cast<PlanState *>(linitial(state->css.custom_ps)); }

inline Batch *BatchOf(Shipment *shipment, int shard_index, Deed deed) {
  return &shipment->batches[static_cast<int>(deed) * shipment->table->shard_count + shard_index];
}

/// --- shipment.cpp ---
/// Runs the child to its end and brings all its rows to their shards.
void RunShipment(ShipState *state);
void EndShipment(ShipState *state);

/// --- batches.cpp ---
void AddRow(ShipState *state, int shard_index, Deed deed, TupleTableSlot *slot);

/// --- flights.cpp ---
/// Sends the batch and empties it; `alone`: nothing else is sent by this statement.
void FlushBatch(ShipState *state, int shard_index, Deed deed, bool alone);
void FlushLargest(ShipState *state);
void FlushAll(ShipState *state);
/// Waits until all statements under way have been executed.
void LandAll(ShipState *state);

/// Appends a value to an array literal under construction.
void AppendElement(StringInfo array, const char *value);

/// --- reroute.cpp ---
/// The shard for which the rows were collected (closed literals) has been split: those of each part by the part's index in
/// `now`, the table as it is; null where a part gets none.  Without `by_key` the transaction has to be run again.
StringInfoData **RowsOfParts(const ShipState *state, const StringInfoData *columns, const catalog::Table &now, bool by_key);

}  // namespace altius::ingest
