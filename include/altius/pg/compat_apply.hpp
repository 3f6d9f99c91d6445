// SPDX-License-Identifier: PostgreSQL
// Changing single rows below the executor, and what its versions do in different ways.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::pg {

/// The index entries of a new row; the constraints that are checked at the end of the statement or later.
inline List* InsertIndexEntries(ResultRelInfo* info, TupleTableSlot* slot, EState* estate, bool update,
                                [[maybe_unused]] bool only_summarizing) {
  if (info->ri_NumIndices == 0) return NIL;
#if PG_VERSION_NUM >= 160000
  return ExecInsertIndexTuples(info, slot, estate, update, false, nullptr, NIL, only_summarizing);
#else
  return ExecInsertIndexTuples(info, slot, estate, update, false, nullptr, NIL);
#endif
}

inline void AddIndexEntries(ResultRelInfo* info, TupleTableSlot* slot, EState* estate, bool only_summarizing) {
  list_free(InsertIndexEntries(info, slot, estate, false, only_summarizing));
}

/// The row and its index entries; no trigger, no check.
inline List* UpdateRowAndEntries(ResultRelInfo* info, ItemPointer old_row, TupleTableSlot* slot, EState* estate) {
#if PG_VERSION_NUM >= 160000
  TU_UpdateIndexes indexes = TU_None;
  simple_table_tuple_update(info->ri_RelationDesc, old_row, slot, SnapshotSelf, &indexes);
  return indexes == TU_None ? NIL : InsertIndexEntries(info, slot, estate, false, indexes == TU_Summarizing);
#else
  bool indexes = false;
  simple_table_tuple_update(info->ri_RelationDesc, old_row, slot, SnapshotSelf, &indexes);
  return indexes ? InsertIndexEntries(info, slot, estate, false, false) : NIL;
#endif
}

inline void UpdateRow(ResultRelInfo* info, ItemPointer old_row, TupleTableSlot* slot, EState* estate) {
  list_free(UpdateRowAndEntries(info, old_row, slot, estate));
}

inline IndexScanDesc BeginIndexScan(Relation table, Relation index, Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 180000
  return index_beginscan(table, index, snapshot, nullptr, keys, 0);
#else
  return index_beginscan(table, index, snapshot, keys, 0);
#endif
}

}  // namespace altius::pg
