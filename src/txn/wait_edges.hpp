// SPDX-License-Identifier: PostgreSQL
// Who waits for whom on this server, as distributed transactions.
#pragma once

#include "altius/core/txn/gid.hpp"
#include "altius/pg/array.hpp"

namespace altius::txn {

struct WaitEdge {
  core::TransactionId waiting;
  core::TransactionId blocking;
  bool choice = false;  // one of several, of which one must end
};

/// A backend that has no distributed transaction of its own is named by its server and pid, with
/// this number.
inline constexpr uint64 kNoNumber = INT64_MAX;

/// Waits for locks, and for connections (the budget), that last longer than deadlock_timeout, so that PostgreSQL's own detector has
/// had its turn.
pg::Array<WaitEdge> LocalWaitEdges();

}  // namespace altius::txn
