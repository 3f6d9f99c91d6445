// SPDX-License-Identifier: PostgreSQL
// The rows that statements change on this node's copy of a reference table, as they are stored.
#pragma once

#include "altius/pg/array.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "executor/tuptable.h"
#include "utils/tuplestore.h"
}

namespace altius::task {

/// A row that was changed: texts of rows.
struct RowChange {
  const char* old_row;  // empty: there was none
  const char* new_row;  // empty: there is none now
};

/// Rows of it come in two columns.
TupleDesc ColumnsOfChange();
/// In the current memory context; the slot is empty afterwards.
RowChange ChangeIn(TupleTableSlot* row);

/// Changes that travel at once: not too many of them, and not much more than work_mem.
class ChangeBatch {
 public:
  void Add(const RowChange& change);
  bool full() const;
  const pg::Array<RowChange>& changes() const { return changes_; }

 private:
  pg::Array<RowChange> changes_;
  Size bytes_ = 0;
};

struct Capture;

/// Begins to keep the changes of the relation: by the statements that another node sends, or (`own`) by the next one that runs
/// in-process.  Ends with EndCapture or the (sub)transaction.
void BeginCapture(Oid relid, bool own);

/// The statement that runs next in-process is the one that another node has sent, within a function that it called.
void CaptureWithin();

/// When the executor starts on a statement that was sent (`own`: that is run in-process) for another one.
void NoteCapture(QueryDesc* query, bool own);

/// What is still to come of the relation's changes, in their order; false when there is no more, and then the capture has ended.
bool TakeChanges(Oid relid, ChangeBatch* batch);

/// Writes rows as text that every node reads alike.
struct RowWriter {
  FmgrInfo output;
  bool names;  // of objects are in them
};
RowWriter MakeRowWriter(TupleDesc columns);
char* TextOfRow(RowWriter* writer, TupleTableSlot* slot);

void InitCapture();

}  // namespace altius::task
