// SPDX-License-Identifier: PostgreSQL
// What moves, for get_rebalance_progress: one entry in shared memory for each process that works on
// one.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::rebalance {

enum class Phase : int {
  NotStarted,
  SettingUp,
  CopyingData,
  CreatingConstraints,
  CatchingUp,
  FinalCatchup,
  CreatingForeignKeys,
  Completing,
  Completed,
};

/// `kind` lasts (a literal): move, split, copy.
void BeginProgress(const char* kind, int64 shard_id, int source_node, int target_node);
void SetPhase(Phase phase);
/// The position of the source's log, and how much of it the target has.
void SetPositions(uint64 source, uint64 target);
void EndProgress();

/// Shared memory.  From Init.
void InitProgress();

}  // namespace altius::rebalance
