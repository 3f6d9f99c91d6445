// SPDX-License-Identifier: PostgreSQL
// Nodes of the cluster: what runs by itself.  The rest is SQL functions.
#pragma once

namespace altius::cluster {

/// From _PG_init.
void Init();

}  // namespace altius::cluster
