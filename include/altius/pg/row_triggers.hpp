// SPDX-License-Identifier: PostgreSQL
// Triggers for rows of a table and of its partitions, which may have some of their own.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/relcache.h"
}

namespace altius::pg {

/// The partitions of the table, and theirs; NIL when it has none.  Takes no lock but to read which they are.
List *PartitionsBelow(Oid relid);

/// Whether users' triggers for rows, that are not disabled, fire on the table or on a partition of it. `bits`: those of
/// Trigger.tgtype that such a trigger must have, TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT say; 0: any.
bool HasRowTriggers(Oid relid, int16 bits);

}  // namespace altius::pg
