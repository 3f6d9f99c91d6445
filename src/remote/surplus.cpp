// SPDX-License-Identifier: PostgreSQL
// Closing connections that are of no use for the time being.
#include "budget.hpp"

extern "C" {
#include "access/xact.h"
}

namespace altius::remote {

namespace {

bool IsOld(const Connection* connection) {
  if (max_cached_lifetime_ms < 0) return false;
  const TimestampTz now = GetCurrentTransactionStartTimestamp();
  return TimestampDifferenceMilliseconds(connection->opened, now) >= max_cached_lifetime_ms;
}

/// Nobody's for the time being.
bool IsSpare(const Connection* connection) {
  return connection->state == State::Ready && !connection->pinned && !connection->own;
}

bool IsToGo(const Connection* connection) {
  return max_cached_connections == 0 || IsOld(connection) || IsWanted(connection);
}

}  // namespace

void CloseHalfOpen() {
  for (int i = 0; i < ConnectionCount(); i++) {
    Connection* connection = ConnectionAt(i);
    if (connection->state == State::Connecting && !connection->own) CloseQuietly(connection);
  }
}

void CloseSurplus() {
  StopWanting();
  CloseHalfOpen();
  for (int i = 0; i < ConnectionCount(); i++) {
    Connection* connection = ConnectionAt(i);
    if (connection->state == State::Closed) ReturnBudget(connection);  // an error came before it was opened
    if (!IsSpare(connection) || !IsToGo(connection)) continue;
    Poll(connection);  // the answer to a COMMIT that only read is not waited for
    if (IsIdle(connection)) CloseQuietly(connection);
  }
}

}  // namespace altius::remote
