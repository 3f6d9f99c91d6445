// SPDX-License-Identifier: PostgreSQL
// One table that changes are applied to, open during one call of ApplyChanges.
#pragma once

#include "altius/core/replication/pgoutput.hpp"
#include "altius/pg/compat_apply.hpp"

namespace altius::rebalance {

/// How values of a column are read.
struct Reading {
  FmgrInfo text;
  FmgrInfo binary;
  Oid text_argument;
  Oid binary_argument;
  int32 modifier;
};

/// Values of one type, from the form in which they came.
void SetUpReading(Oid type, int32 modifier, bool binary, Reading* reading);
Datum ReadValue(Reading* reading, const core::ColumnValue& value);

struct ApplyTable {
  Relation relation;
  EState* estate;
  ResultRelInfo* info;
  TupleTableSlot* fresh;   // the row to be
  TupleTableSlot* wanted;  // the row that is looked for
  TupleTableSlot* found;
  int* column_of;  // by attribute: its number among the columns that come; -1: does not come
  bool* is_key;    // by attribute: always told of a row that changes
  Reading* readings;
  bool has_generated;
  Relation index;  // finds rows; null: all are looked at
  IndexScanDesc scan;
  MemoryContext memory;  // of the scan, as long as it lasts
  ScanKeyData* keys;
  bool changed;  // since the last command
};

/// A column that comes.
struct StreamColumn {
  const char* name;
  bool key;  // part of the source's replica identity
};

ApplyTable* OpenApplyTable(Oid relid, const StreamColumn* columns, int count);
void CloseApplyTable(ApplyTable* table);

/// Changes of one row.  The bytes behind values are overwritten.
void InsertRow(ApplyTable* table, const core::RowImage& row);
void UpdateRow(ApplyTable* table, core::OldRow kind, const core::RowImage& old_row,
               const core::RowImage& new_row);
void DeleteRow(ApplyTable* table, core::OldRow kind, const core::RowImage& old_row);

/// --- apply_find.cpp ---
/// Chooses the index that finds rows by the columns that are told of them.
void ChooseIndex(ApplyTable* table);
/// Finds the row whose columns equal the ones in `wanted`: those of the replica identity, or
/// (`whole`) all that come.  False when there is none.  One of several equal ones is as good as the
/// other.
bool FindRow(ApplyTable* table, bool whole);
/// To be called before rows are looked for after a change.
void SeeChanges(ApplyTable* table);

}  // namespace altius::rebalance
