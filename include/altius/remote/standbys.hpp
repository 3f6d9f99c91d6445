// SPDX-License-Identifier: PostgreSQL
// Reads on standbys: altius.read_from says where a session's reads go, altius.max_standby_lag how
// far behind a standby may be, and citus.use_secondary_nodes makes a session read there and nowhere
// else.
#pragma once

#include "altius/remote/connection.hpp"

namespace altius::remote {

/// Whether this session's reads may go to standbys at all.  Cheap.
bool ReadsFromStandbys();

/// Whether the session reads from standbys alone and writes nothing (citus.use_secondary_nodes).
bool IsReadOnlySession();

/// The connection that a read of the group goes to by the settings; null: to the primary's.  Raises
/// 08006 when the session wants a standby and none can be had in altius.failover_timeout.
Connection* StandbyToRead(int group);

bool IsToStandby(const Connection* connection);

/// The standby failed a statement: another server serves the next reads.  False when the settings
/// allow no other and trying again makes no sense.
bool AvoidStandby(Connection* connection);

}  // namespace altius::remote
