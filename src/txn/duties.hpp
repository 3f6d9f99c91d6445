// SPDX-License-Identifier: PostgreSQL
// What maintenance does, and when.  Which process does it: maintenance.cpp.
#pragma once

#include "shared_state.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace altius::txn {

/// Does what is due.  `woken`: something may be left to do that was not before.
void RunDuty(Duty duty, bool woken);

/// When it is due next; 0: not before somebody wakes it.
TimestampTz NextRun(Duty duty);

/// Whether the database has the extension.
bool LooksLikeOurs();

}  // namespace altius::txn
