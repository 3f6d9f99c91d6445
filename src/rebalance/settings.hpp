// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::rebalance {

extern int copy_sessions;         // altius.move_copy_sessions
extern int bandwidth_limit_kb;    // altius.move_bandwidth_limit, kB/s; 0: none
extern int defer_delete_ms;       // citus.defer_shard_delete_interval

}  // namespace altius::rebalance
