// SPDX-License-Identifier: PostgreSQL
// What users see of the cluster.
#pragma once

namespace altius::monitor {

/// Hides shards from catalog queries of ordinary clients.  From _PG_init, after the planner's hook.
void Init();

}  // namespace altius::monitor
