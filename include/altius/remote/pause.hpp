// SPDX-License-Identifier: PostgreSQL
// Pausing a group while somebody changes where it is: whoever uses the group holds a share of its
// lock until the end of the transaction, whoever changes its address takes the lock alone.
//
// It is an ordinary lock of PostgreSQL (of a relation that does not exist, so that shares cost no
// more than those of tables): pg_locks shows it, deadlocks are found, PREPARE TRANSACTION keeps it.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::remote {

/// New transactions of this server do not touch the group from now until the end of the caller's
/// transaction; those that do already are waited for.  `force`: they lose their connections to the
/// group after `cooldown_ms`, and their sessions end when that is not enough.
void PauseGroup(int group, bool force, int cooldown_ms);

/// Waits while the group is paused by another session, and holds a share until the end of the
/// transaction.  A follower that knows of a new leader since the pause began lets it pass: to open a
/// connection there, which nothing is sent over before the leader is verified.
void TakeGroup(int group);

/// Gives the share back: nothing of the transaction is on the group any more.
void LeaveGroup(int group);

}  // namespace altius::remote
