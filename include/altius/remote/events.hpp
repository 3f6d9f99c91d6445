// SPDX-License-Identifier: PostgreSQL
// The sending end of what a node tells the one that asks, while a statement of that one runs here.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::remote {

/// A message that only nodes understand; it is not logged, and no setting keeps it back.
void SendEvent(const char* text);

}  // namespace altius::remote
