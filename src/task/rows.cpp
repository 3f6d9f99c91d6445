// SPDX-License-Identifier: PostgreSQL
#include "altius/task/rows.hpp"

#include "decode.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace altius::task {

namespace {

class StoreSink final : public remote::RowSink {
 public:
  explicit StoreSink(RowStore* store) : store_(store) {}

  void Columns(const PGresult* result) override {
    if (PQnfields(result) == store_->desc->natts) return;
    // A statement without result columns (no RETURNING) has none to compare.
    if (PQnfields(result) == 0) return;
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("a node returned %d columns where %d were expected", PQnfields(result),
                           store_->desc->natts)));
  }

  void Row(const PGresult* result, int row) override { AddRemoteRow(store_, result, row); }

 private:
  RowStore* store_;
};

}  // namespace

RowStore* MakeRowStore(TupleDesc desc, bool keep, bool backward) {
  auto* store = static_cast<RowStore*>(palloc0(sizeof(RowStore)));
  store->desc = desc;
  store->keep = keep;
  store->home = CurrentMemoryContext;
  store->binary = BinaryPossible(desc);
  store->tuples = tuplestore_begin_heap(backward, false, work_mem);
  // Without EXEC_FLAG_REWIND the tuplestore may drop what was read.
  if (!keep) tuplestore_set_eflags(store->tuples, 0);
  return store;
}

bool ReadRow(RowStore* store, TupleTableSlot* slot, bool stable) {
  if (store->read < store->rows) {
    store->read++;
    return tuplestore_gettupleslot(store->tuples, true, stable, slot);
  }
  // All rows were read: forget them, so that a long stream needs little memory.
  if (!store->keep && store->rows > 0) {
    ExecClearTuple(slot);
    tuplestore_clear(store->tuples);
    store->rows = store->read = 0;
  }
  return false;
}

bool ReadRowBackward(RowStore* store, TupleTableSlot* slot) {
  if (store->past_end) {
    store->past_end = false;  // the tuplestore's reader goes from the end to the last row
  } else if (store->read > 0) {
    store->read--;
  }
  return tuplestore_gettupleslot(store->tuples, false, true, slot);
}

void PassEnd(RowStore* store) {
  if (store->past_end) return;
  tuplestore_advance(store->tuples, true);
  store->past_end = true;
}

void Rewind(RowStore* store) {
  tuplestore_rescan(store->tuples);
  store->read = 0;
  store->past_end = false;
}

void CloseRowStore(RowStore* store) { tuplestore_end(store->tuples); }

remote::RowSink* MakeSink(RowStore* store) {
  return new (palloc0(sizeof(StoreSink))) StoreSink(store);
}

}  // namespace altius::task
