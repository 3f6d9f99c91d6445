// SPDX-License-Identifier: PostgreSQL
// A split of a shard group, as the splitting backend on the coordinator sees it.  For the shards that are split it is a
// move away from their node; for each node that gets parts it is a move to there, with sessions that foresee the parts
// (catalog::Foresee) and so make and fill them like any shard.
#pragma once

#include "altius/catalog/writer.hpp"
#include "altius/core/shard/ranges.hpp"
#include "move.hpp"

namespace altius::rebalance {

struct Split {
  Move whole;                          // its members are the shards that are split; no target
  pg::Array<Move*> targets;            // their members are the parts there, in the order of the whole's members
  pg::Array<core::HashRange> ranges;   // of the parts
  pg::Array<int> nodes;                // where each part shall lie, as node ids and as groups
  pg::Array<int> groups;
  pg::Array<catalog::ShardPart> parts; // of all members
  int targets_with_keys;               // those whose parts have their foreign keys, in the order of `targets`
  char* arguments;                     // the parts as arguments of altius_internal.split_shards and foresee_split
};

/// --- split_checks.cpp ---
/// Finds the shards; raises an error when they can't be split at these points.
void FillSplit(Split* split, int64 shard_id, const pg::Array<int32>& points, const pg::Array<int>& nodes);
/// The hash values behind which the shard that holds the tenant is cut; raises an error when it is alone there already.
pg::Array<int32> PointsAround(const catalog::Shard& shard, int32 hash);
/// Gives the parts their ids.
void NameParts(Split* split);

/// --- split_steps.cpp ---
void OpenTargets(Split* split);
void CloseSplit(Split* split) noexcept;
void RegisterParts(Split* split);
void MakePartTables(Split* split);
void CopyPart(Move* target, const char* snapshot);
/// False when a lock was not to be had in time.
bool TryMakePartForeignKeys(Split* split, int timeout_ms, int hold_ms);

/// --- split_online.cpp ---
void SplitOnline(Split* split);
void EndSplitOnline(Split* split);

/// --- split_flip.cpp ---
/// The parts take the place of the whole on all nodes; false when a session was lost, or that takes too long.
bool TryFinishSplit(Split* split, int hold_ms);
void CommitSplit(Split* split);
}  // namespace altius::rebalance
