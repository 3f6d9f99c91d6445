// SPDX-License-Identifier: PostgreSQL
// Which servers may leave something prepared or committed here: core::MayPrepare where it meets PostgreSQL.
#pragma once

namespace altius::txn {

/// Before PREPARE TRANSACTION under that name: raises when its server was removed, or is being removed.  Until the end of this
/// transaction, when all can see what is prepared, a removal waits.
void RequireAsker(const char* gid);

/// At the end of a transaction.
void ForgetAsker();

/// Before a commit for another node: raises when that was removed.  It may have been cut off, and know nothing of what has moved since.
void RequireListedAsker();

/// Nothing that the group begins is prepared here until the end of this transaction, prepared or not.
void StopPreparesHere(int group);

}  // namespace altius::txn
