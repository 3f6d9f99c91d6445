// SPDX-License-Identifier: PostgreSQL
// A group is paused on the other nodes too, as far as they can be reached: by sessions of its own
// on each, which end with this transaction and tell them the outcome.
#pragma once

namespace altius::cluster {

/// Begins to pause the group on all other nodes; waits for none.  Nodes that do not take part are
/// left out in silence.
void StartPauseElsewhere(int group, bool force, int cooldown_ms);

/// Waits until the group is paused there, not much longer than the cool-down.
void FinishPauseElsewhere(int group, int cooldown_ms);

/// A statement that these nodes run once this transaction is committed.
void TellLater(const char* sql);

/// Watches the ends of transactions.  From Init.
void WatchTransactionEnds();

}  // namespace altius::cluster
