// SPDX-License-Identifier: PostgreSQL
// A row trigger that is in no catalog, put into a running statement.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace altius::task {

/// What a trigger calls instead of the function that it has; it finds `argument` in fn_extra.  In the current memory context.
FmgrInfo RowTriggerFunction(Oid instead, PGFunction function, void* argument);

/// After the executor has started.  It fires for INSERT, UPDATE, DELETE as `type` (TRIGGER_TYPE_...) says, in front of the result
/// relation's own triggers of that kind; `function` finds `argument` in fn_extra.  In the current memory context.
void AddRowTrigger(ResultRelInfo* target, int16 type, PGFunction function, void* argument, int instrument);

/// Triggers of partitions fire for another ResultRelInfo than the rows were changed through: what was changed of the triggers of these
/// targets holds there, too.
void ShareTriggersOfPartitions(EState* estate, List* targets);

}  // namespace altius::task
