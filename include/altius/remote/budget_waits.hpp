// SPDX-License-Identifier: PostgreSQL
// Sessions of this server that wait for a connection to another one, because others have as many as there may be.
#pragma once

#include "altius/pg/array.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace altius::remote {

/// The session waits until one of those that hold a connection gives it back: there is a pair for each of them.
struct BudgetWait {
  int waiting;  // pid
  int holding;
};

/// Those of this database that wait since before that moment.
pg::Array<BudgetWait> BudgetWaits(TimestampTz before);

}  // namespace altius::remote
