// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::rebalance {

extern int copy_sessions;         // altius.move_copy_sessions
extern int bandwidth_limit_kb;    // altius.move_bandwidth_limit, kB/s; 0: none
extern bool check_space;          // citus.check_available_space_before_move
extern double percent_left;       // citus.desired_percent_disk_available_after_move
extern int progress_timeout_ms;   // citus.logical_replication_timeout
extern int pause_limit_ms;        // altius.move_pause_limit
extern int defer_delete_ms;       // citus.defer_shard_delete_interval

}  // namespace altius::rebalance
