// SPDX-License-Identifier: PostgreSQL
// Locks that are not waited for without end, and who was in the way.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace altius::pg {

/// False when the time is over and the lock not there; the caller's own lock_timeout raises, when it is the shorter one.
bool LockWithin(const LOCKTAG& tag, LOCKMODE mode, int ms);

/// Gives it back before the transaction ends.
void UnlockEarly(const LOCKTAG& tag, LOCKMODE mode);

/// The sessions that keep the lock from others, in words; for errdetail.
const char* HoldersOf(const LOCKTAG& tag, LOCKMODE mode);

/// Raises 55P03 when a transaction that has been open for longer keeps the relation's lock from others.
void RaiseIfHeldFor(Oid relid, LOCKMODE mode, int ms);

/// Of a relation; raises an error that names the holders when the time is over.  `what`: the relation, in the error; 0 ms: no
/// end of the time.
void LockRelationWithin(Oid relid, LOCKMODE mode, int ms, const char* what);

}  // namespace altius::pg
