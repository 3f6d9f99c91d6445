// SPDX-License-Identifier: PostgreSQL
// Ending a client's session where nothing may be raised.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::pg {

/// Tells the client an error, as one that ends the session, and closes its socket: whatever this backend sends afterwards, "COMMIT"
/// for one, goes nowhere.  The backend ends at its next look for interrupts.  For callbacks at the end of a transaction, where an
/// ERROR or FATAL would roll back what is committed, which stops the server.
void HangUp(int sqlstate, const char *message, const char *detail, const char *hint);

}  // namespace altius::pg
