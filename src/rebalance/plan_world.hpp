// SPDX-License-Identifier: PostgreSQL
// Nodes and shard groups as the planner in core sees them, and what stands behind its numbers.
#pragma once

#include "altius/core/rebalance/balance.hpp"
#include "altius/rebalance/plan.hpp"
#include "plan_read.hpp"

namespace altius::rebalance {

/// Behind a BalanceItem.
struct ShardGroup {
  int64 shard;  // names the group
  int colocation;
};

/// RAII style.  Node and item numbers are indexes of these vectors.
struct World {
  std::vector<core::BalanceNode> nodes;
  std::vector<const catalog::Node*> node_rows;
  std::vector<core::BalanceItem> items;
  std::vector<ShardGroup> groups;
  Strategy strategy{};
  ShardValues sizes;  // by shard, bytes
};

World ReadWorld(const PlanOptions& options);

/// PlanMoves, and the sizes that were asked for on the way.
std::vector<PlannedMove> PlanMoves(const PlanOptions& options, ShardValues* sizes);

}  // namespace altius::rebalance
