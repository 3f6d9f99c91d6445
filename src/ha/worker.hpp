// SPDX-License-Identifier: PostgreSQL
// The processes of this folder.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::ha {

/// Registers the follower with the postmaster, if etcd is configured.  From _PG_init.
void RegisterFollower();

/// Starts the recorder for this database.  False: there is no room for a worker.
bool StartRecorder();

}  // namespace altius::ha
