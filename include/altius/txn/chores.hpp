// SPDX-License-Identifier: PostgreSQL
// What higher floors let the maintenance worker do now and then.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::txn {

/// A body runs in a transaction of its own (READ COMMITTED, with a snapshot); an error is logged
/// and ends only this run.  Other chores wait for it, deadlock detection and recovery do not.  What
/// takes longer than seconds starts a worker of its own.
struct Chore {
  const char* what;    // "what failed: message" in the log
  int (*period_ms)();  // not positive: not now
  void (*body)();
};

/// Every database's worker runs the chore when it begins, then each period, and at once after
/// WakeMaintenance. From _PG_init.
void AddChore(const Chore& chore);

}  // namespace altius::txn
