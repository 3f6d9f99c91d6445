// SPDX-License-Identifier: PostgreSQL
// Which shard groups should move where: reads the metadata, asks the strategy's functions and the
// nodes for what shard groups cost, and lets core/rebalance decide.
//
// RAII style: these throw pg::Error and altius::Error, so callers are below pg::Entry and have
// pg::Call around what may ereport while a plan is alive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "altius/pg/pg.hpp"

namespace altius::rebalance {

struct PlanOptions {
  Oid relation = InvalidOid;                   // only its colocation group; all when invalid
  std::string strategy;                        // empty: the default strategy
  std::optional<float> threshold;              // null: the strategy's
  std::optional<float> improvement_threshold;  // null: the strategy's
  int max_moves = 1000000;                     // of shard groups
  std::vector<int64> excluded;                 // shards whose shard groups stay where they are
  bool drain_only = false;                     // only empty nodes that shall have no shards
};

/// One shard group goes from one node to another.
struct PlannedMove {
  int64 shard;  // one of its shards (of the table with the lowest oid); the others move with it
  int colocation;
  int source_node;  // nodeid
  int target_node;
  double cost;  // as the strategy sees it
  int64 bytes;  // on disk, all shards of the group; 0 when no question of sizes was asked
};

/// The moves in the order in which they should begin.  No shard group is in it twice; those that the
/// user may not move stay.  Shard groups that can't leave a node which they must leave are told as
/// warnings.
std::vector<PlannedMove> PlanMoves(const PlanOptions& options);

/// Whether there is any shard group (of the relation's colocation group, if valid) that the user may move.
bool MayMoveAny(Oid relation);

/// Defines the settings of planning.
void InitPlanning();

}  // namespace altius::rebalance
