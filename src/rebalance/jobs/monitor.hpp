// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::rebalance::jobs {

/// The maintenance worker starts a monitor when there are jobs and none.
void AddMonitorChore();

}  // namespace altius::rebalance::jobs
