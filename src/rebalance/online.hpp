// SPDX-License-Identifier: PostgreSQL
// What moves and splits that let writers go on have in common: a publication on the source, and for
// each node that gets rows a stream of changes that one of its backends applies.
#pragma once

#include "move.hpp"

namespace altius::rebalance {

/// Connects to the source, looks at its settings, and publishes the members' changes.  The
/// publication has its name.
void PublishMembers(Move* move);
/// The first lane's backend makes the slot; the name of its snapshot.
const char* MakeSlotOnLane(Move* move);
/// Rows of the source's table go to `target`; `condition`: the other arguments of route_changes.
void RouteOnLane(Move* move, const char* schema, const char* name, const char* target,
                 const char* condition);
void StartStreamOnLane(Move* move);
uint64 SourcePosition(Move* move);
/// Whether everything before `until` is on the target.  Raises an error when that has made no progress for
/// citus.logical_replication_timeout.
bool Apply(Move* move, uint64 until, int max_ms, bool in_haste);
/// Ends the stream without waiting for that: from here on a source that is stopped waits for nobody.
void HangUpOnLane(Move* move);
void EndStreamOnLane(Move* move);
void DropPublication(Move* move);

inline constexpr int kFirstHasteMs = 80;
/// How long writers are held back at most; longer each time it was too short.
struct Patience {
  int lock_ms = 40;  // behind an attempt to get the locks
  int haste_ms = kFirstHasteMs;  // while the last changes are applied
  int rest_ms = 100;  // between attempts
  int lost = 0;  // attempts of which a session was lost
  void ForLocks();
  void ForChanges();
  /// Raises an error after several.
  void ForSessions();
  /// Under the locks, without a word from the move: then the locks go.
  int HoldMs() const;
  void Rest();
};

inline constexpr int kRoundMs = 1000;  // of applying, before the target commits and looks around
inline constexpr int kSmallLagMs = 60;  // what takes as long to be applied can be waited for

}  // namespace altius::rebalance
