// SPDX-License-Identifier: PostgreSQL
// Starts the folder: settings, shared memory, chores of the maintenance worker.
#pragma once

namespace altius::rebalance {

/// From _PG_init.
void Init();

}  // namespace altius::rebalance
