// SPDX-License-Identifier: PostgreSQL
// A row trigger that is in no catalog, put into a running statement.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace altius::task {

/// After the executor has started.  It fires for INSERT, UPDATE, DELETE as `type` (TRIGGER_TYPE_...) says, in front of the result
/// relation's own triggers of that kind; `function` finds `argument` in fn_extra.  In the current memory context.
void AddRowTrigger(ResultRelInfo* target, int16 type, PGFunction function, void* argument, int instrument);

/// Triggers of partitions fire for another ResultRelInfo than the rows were changed through: what was changed of the triggers of the
/// statement's targets holds there, too.
void ShareTriggersOfPartitions(EState* estate);

}  // namespace altius::task
