// SPDX-License-Identifier: PostgreSQL
// Which shard groups move where so that nodes carry what they can carry: costs and capacities in,
// moves out.
//
// A plan has two parts.  First every shard group leaves the node where it must not be (one that
// takes no shards or has no capacity; one the shard group is not allowed on).  Then moves even out,
// each of which lowers one number: Unevenness.  It is the sum, over all nodes, of load squared by
// capacity, once for everything a node carries and once for each colocation set on it, with weights;
// so each set is spread over all nodes, and what is left over of several sets does not pile up.
//
// What always holds: no shard group moves twice (so nothing goes in circles, and a plan ends); each
// move of the second part lowers Unevenness; its target has less afterwards than its source had, or
// had at most the average, the threshold and one largest shard group before.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace altius::core {

struct BalanceNode {
  double capacity = 1;       // what it can carry compared with the others; 0 or less: nothing
  bool takes_shards = true;  // false: it is emptied
};

/// A shard group: what lies together and moves together.
struct BalanceItem {
  int set = 0;  // colocation group, from 0
  double cost = 1;
  std::int64_t bytes = 0;  // what a move of it copies
  int node = 0;            // index of the node that holds it
  bool movable = true;
};

struct BalanceLimits {
  double threshold = 0;  // a node that differs from the average by at most this share is fine
  double improvement =
      0;  // a move relieves the fuller of its two nodes by more than this share of its cost
  int max_moves = INT32_MAX;
  bool drain_only = false;  // only empty nodes that take no shards
};

struct BalanceMove {
  int item;
  int source;
  int target;

  friend bool operator==(const BalanceMove&, const BalanceMove&) = default;
};

struct BalancePlan {
  std::vector<BalanceMove> moves;  // in the order in which they should begin
  std::vector<int> stuck;          // items that must leave their nodes and can't
};

/// Whether the item may lie on the node.  Empty: everything may lie everywhere.  Asked at most once
/// for an item and a node.
using AllowedOnNode = std::function<bool(int item, int node)>;

/// Same input, same plan.
BalancePlan PlanBalance(const std::vector<BalanceNode>& nodes,
                        const std::vector<BalanceItem>& items, const BalanceLimits& limits,
                        const AllowedOnNode& allowed = {});

/// The number that each evening move lowers.  Nodes that are to be emptied don't count.
double Unevenness(const std::vector<BalanceNode>& nodes, const std::vector<BalanceItem>& items);

}  // namespace altius::core
