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

inline void AddIndexEntries(ResultRelInfo* info, TupleTableSlot* slot, EState* estate,
                            [[maybe_unused]] bool only_summarizing) {
  if (info->ri_NumIndices == 0) return;
#if PG_VERSION_NUM >= 160000
  list_free(
      ExecInsertIndexTuples(info, slot, estate, false, false, nullptr, NIL, only_summarizing));
#else
  list_free(ExecInsertIndexTuples(info, slot, estate, false, false, nullptr, NIL));
#endif
}

/// The row and its index entries; no trigger, no check.
inline void UpdateRow(ResultRelInfo* info, ItemPointer old_row, TupleTableSlot* slot,
                      EState* estate) {
#if PG_VERSION_NUM >= 160000
  TU_UpdateIndexes indexes = TU_None;
  simple_table_tuple_update(info->ri_RelationDesc, old_row, slot, SnapshotSelf, &indexes);
  if (indexes != TU_None) AddIndexEntries(info, slot, estate, indexes == TU_Summarizing);
#else
  bool indexes = false;
  simple_table_tuple_update(info->ri_RelationDesc, old_row, slot, SnapshotSelf, &indexes);
  if (indexes) AddIndexEntries(info, slot, estate, false);
#endif
}

inline IndexScanDesc BeginIndexScan(Relation table, Relation index, Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 180000
  return index_beginscan(table, index, snapshot, nullptr, keys, 0);
#else
  return index_beginscan(table, index, snapshot, keys, 0);
#endif
}

}  // namespace altius::pg
