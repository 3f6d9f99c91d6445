// SPDX-License-Identifier: PostgreSQL
// A relation looked up by its name may be dropped before it is locked: then the number is of nothing.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "storage/lockdefs.h"
}

namespace altius::pg {

/// The relation that has the name, once the lock is there; InvalidOid when there is none (any more).  Asks for no privilege.
Oid LockRelationNamed(const char *name, Oid schema, LOCKMODE mode);

/// Whether a relation that was known before is still there under the lock; without it the lock is given back.
bool LockIfThere(Oid relid, LOCKMODE mode);

}  // namespace altius::pg
