// SPDX-License-Identifier: PostgreSQL
// Prepared transactions that stand in the way of a node that goes or comes.
#pragma once

namespace altius::cluster {

/// Lets all nodes finish what is in doubt, if there is something that the group began or holds.
void FinishTransactionsOf(int group);

/// On all nodes that stay: until the end of this transaction they prepare nothing that the group has begun.
void StopPreparesOf(int group);

/// Raises an error when the group that goes began transactions that are prepared on other nodes: whether they are committed is known
/// there alone.
void RequireNothingInDoubt(int group, const char* address);

/// A server that joins must have nothing prepared, for its tables are about to be locked: what can be finished is, else an error is
/// raised.
void FinishPreparedOn(const char* host, int port);

}  // namespace altius::cluster
