// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "utils/reltrigger.h"
}

namespace altius::task {

/// When the executor starts on a DELETE of rows that move to another shard: they are marked as such.
void MarkLeaving(QueryDesc* query);

/// The statement is an UPDATE: what ON DELETE says is not done to rows that refer to the row; it is looked whether there are any.
void CheckInsteadOfAction(TriggerDesc* triggers);

}  // namespace altius::task
