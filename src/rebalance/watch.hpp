// SPDX-License-Identifier: PostgreSQL
// How a move waits for its own sessions: with an eye on the servers it needs.  When one of them is about to stop or to be
// replaced, the move ends at once and closes its streams, for a server that stops waits for those; and streams hear of
// their reader while the move is busy elsewhere.
#pragma once

#include "altius/pg/subtransaction.hpp"
#include "move.hpp"

namespace altius::rebalance {

/// Null: nothing.
void WarnOfUntidy(ErrorData* error);

/// Of the group's entry in the address book, to compare with later; 0: it has none.
uint64 GenerationOf(int group);
/// A switchover of the group has been announced, or its primary is another one, or another life of the same.
bool IsLeaving(int group, uint64 generation);

/// Source and target are the servers that they are now, or the move ends.
void BeginWatch(Move* move);
/// Raises an error when the source or a target is being replaced, or the source ends sessions.
void RaiseIfLeaving(const Move& move);

/// Runs `sql` on a session of the move; the single value of the single row (null for SQL null).
char* Ask(Move* move, remote::Connection* session, const char* sql);
/// In the transaction of the flip.  False when a session was lost on the way, or there was no answer in time (0: no end of it),
/// and the statement is cancelled: what is done in a transaction can be done again.
bool TryInFlip(Move* move, const char* sql, int within_ms, char** value);

/// What is done when the placements have changed: an error is a warning then, for the operation has ended well, and the
/// cleaner does what could not be done.
template <typename Body>
void TidyUp(Body&& body) {
  WarnOfUntidy(pg::Try(body));
}

/// Whether its session is broken, or runs something that was given up.
bool IsFlipLost(const Move& move);

/// For what can't be done again.
[[noreturn]] void RaiseLostFlip();

/// A server on its own account waits this long for a reader that says nothing.
inline constexpr int kStreamTimeoutMs = 30000;

}  // namespace altius::rebalance
