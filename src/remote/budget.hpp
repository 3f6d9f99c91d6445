// SPDX-License-Identifier: PostgreSQL
// How many connections the sessions of this server may have to another server at the same time (citus.max_shared_pool_size).
// Counted are those of client sessions that their statements go through; recovery, moves and the like have their own, few ones.
#pragma once

#include "session.hpp"

namespace altius::remote {

/// Defines the setting and asks for the memory.  From _PG_init.
void InitBudgetMemory();

/// Before it is opened: false when there are enough connections to that server.
bool TakeBudget(Connection* connection);

/// After it was closed.
void ReturnBudget(Connection* connection);

/// Waits until there may be room, or until `deadline` (0: citus.node_connection_timeout from now, and set).  Raises 53300 when
/// the time is over.
void AwaitBudget(const Connection* connection, TimestampTz* deadline);

/// An error has ended the wait.
void StopWanting();

/// Whether other sessions wait for a connection to that server: idle ones should be given up.
bool IsWanted(const Connection* connection);

}  // namespace altius::remote
