// SPDX-License-Identifier: PostgreSQL
// From the world to moves: what the options ask for, in the terms of core/rebalance.
#include "altius/rebalance/plan.hpp"

#include "altius/pg/bridge.hpp"
#include "plan_world.hpp"

namespace altius::rebalance {
namespace {

core::BalanceLimits LimitsOf(const PlanOptions& options, const Strategy& strategy) {
  core::BalanceLimits limits;
  limits.threshold = pg::Call([&] {
    return ChooseThreshold(strategy, options.threshold.has_value(), options.threshold.value_or(0));
  });
  limits.improvement = options.improvement_threshold.value_or(strategy.improvement_threshold);
  limits.max_moves = options.max_moves;
  limits.drain_only = options.drain_only;
  return limits;
}

core::AllowedOnNode AllowedOf(const World& world) {
  if (pg::Call([&] { return IsAlwaysAllowed(world.strategy.allowed); })) return {};
  FmgrInfo* function = pg::Call([&] { return PrepareCall(world.strategy.allowed); });
  return [&world, function](int item, int node) {
    const int64 shard = world.groups[static_cast<std::size_t>(item)].shard;
    const int node_id = world.node_rows[static_cast<std::size_t>(node)]->id;
    return pg::Call([&] { return CallAllowed(function, shard, node_id); });
  };
}

/// One warning for all, with some of them by name.
void WarnOfStuck(const World& world, const std::vector<int>& stuck) {
  if (stuck.empty()) return;
  constexpr std::size_t kNamed = 5;
  std::string named;
  for (std::size_t i = 0; i < std::min(kNamed, stuck.size()); i++) {
    const auto item = static_cast<std::size_t>(stuck[i]);
    const catalog::Node* node = world.node_rows[static_cast<std::size_t>(world.items[item].node)];
    named += (i > 0 ? ", " : "") + std::to_string(world.groups[item].shard) + " on " + node->host +
             ":" + std::to_string(node->port);
  }
  if (stuck.size() > kNamed) named += ", ...";
  const char* text = named.c_str();
  const auto count = static_cast<unsigned long>(stuck.size());
  pg::Call([&] {
    ereport(
        WARNING,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg_plural("%lu shard group stays on a node that it should leave",
                       "%lu shard groups stay on nodes that they should leave", count, count),
         errdetail("No other node may take them, or they were excluded or belong to others: %s.", text),
         errhint(
             "Add a node, let another one have shards with citus_set_node_property, or look at the "
             "strategy's shard_allowed_on_node_function.")));
  });
}

}  // namespace

std::vector<PlannedMove> PlanMoves(const PlanOptions& options, ShardValues* sizes) {
  const World world = ReadWorld(options);
  const core::BalancePlan plan = core::PlanBalance(
      world.nodes, world.items, LimitsOf(options, world.strategy), AllowedOf(world));
  WarnOfStuck(world, plan.stuck);
  std::vector<PlannedMove> moves;
  for (const core::BalanceMove& move : plan.moves) {
    const auto item = static_cast<std::size_t>(move.item);
    moves.push_back({world.groups[item].shard, world.groups[item].colocation,
                     world.node_rows[static_cast<std::size_t>(move.source)]->id,
                     world.node_rows[static_cast<std::size_t>(move.target)]->id,
                     world.items[item].cost, world.items[item].bytes});
  }
  *sizes = world.sizes;
  return moves;
}

std::vector<PlannedMove> PlanMoves(const PlanOptions& options) {
  ShardValues sizes;
  return PlanMoves(options, &sizes);
}

}  // namespace altius::rebalance
