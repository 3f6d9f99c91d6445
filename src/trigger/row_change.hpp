// SPDX-License-Identifier: PostgreSQL
// Triggers for a row that is not changed where it lies, but here: as if it were.
#pragma once

#include "target.hpp"

namespace altius::trigger {

/// What happens to a row of the target; slots of its form.
struct RowChange {
  Target* target;
  int16 type;  // TRIGGER_TYPE_INSERT, _UPDATE or _DELETE
  const Bitmapset* columns;  // that an UPDATE sets
  TupleTableSlot* old_row;  // null of an INSERT
  TupleTableSlot* new_row;  // null of a DELETE
};

TupleTableSlot* NewSlot(const Target* target);
HeapTuple TupleIn(TupleTableSlot* slot);

/// BEFORE triggers for the row: they may change the new one; false when one of them wants no change.
bool FireBeforeRow(RowChange* change);

/// The new row gets its generated columns.
void ComputeGenerated(const RowChange& change);

/// Has the statement's end fire the AFTER triggers for the row; the new one has its generated columns.
void TellAfterRow(const RowChange& change);
/// The rows belong to the transition tables of all AFTER triggers that have some.
void TellTransitionsOfRow(const RowChange& change);

}  // namespace altius::trigger
