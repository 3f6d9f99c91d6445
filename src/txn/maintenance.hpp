// SPDX-License-Identifier: PostgreSQL
// What the maintenance worker of a database does.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::txn {

/// Settings, and the launcher's registration.
void InitMaintenance();

extern int recover_interval_ms;  // citus.recover_2pc_interval
extern double deadlock_factor;   // citus.distributed_deadlock_detection_factor

/// Finishes what crashes left, on all nodes that can be reached; the number of transactions
/// finished.  `*left`: something could not be finished now.  Runs in a transaction.
int RecoverPrepared(bool* left);

/// One look at the waits of all nodes; whether a victim of this node was cancelled.  Runs in a
/// transaction.
bool CheckDeadlocks();

/// Whether a transaction begun here runs long enough that it may be stuck.
bool MayBeStuck(int64 older_than_us);

}  // namespace altius::txn
