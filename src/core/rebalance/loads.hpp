// SPDX-License-Identifier: PostgreSQL
// What nodes carry, in all and of each colocation set, while a plan grows.
#pragma once

#include <cstddef>
#include <vector>

#include "altius/core/rebalance/balance.hpp"

namespace altius::core {

/// What a set counts in Unevenness compared with the sum of all.  The spread of a set that has a
/// shard group for each node comes first; of the others only the sum is of interest, and their
/// spread decides between equals.
inline constexpr double kWideWeight = 16;
inline constexpr double kNarrowWeight = 0.125;

/// Stands for everything a node carries, where else a set is named.
inline constexpr int kAllSets = -1;

inline std::size_t At(int index) { return static_cast<std::size_t>(index); }

/// How a move changes the fuller of its two nodes, as load by capacity: above 0 is relief.
struct Relief {
  double total;
  double of_set;
};

class Loads {
 public:
  Loads(const std::vector<BalanceNode>& nodes, const std::vector<BalanceItem>& items);

  int node_count() const { return static_cast<int>(nodes_.size()); }
  int set_count() const { return static_cast<int>(sets_.size()); }
  const BalanceItem& item(int index) const { return items_[At(index)]; }
  double capacity(int node) const { return nodes_[At(node)].capacity; }
  /// Nodes that carry shards; the others are emptied.
  bool Takes(int node) const { return takes_[At(node)]; }
  /// A set with at least one shard group for each node has to be spread for its own sake; the
  /// smaller ones only fill up.
  bool IsWide(int set) const { return sets_[At(set)].row >= 0; }

  double Weight(int set) const {
    if (set == kAllSets) return 1;
    return IsWide(set) ? kWideWeight : kNarrowWeight;
  }

  double Of(int set, int node) const;
  /// Load by capacity.
  double Level(int set, int node) const { return Of(set, node) / capacity(node); }
  /// The slope of Unevenness for one more of the set on the node.
  double Pressure(int set, int node) const {
    return Level(kAllSets, node) + Weight(set) * Level(set, node);
  }
  /// The level that all nodes have once the set is spread evenly.
  double Average(int set) const;
  double Greatest() const { return greatest_; }

  /// By how much Unevenness changes if the item went there.  Both nodes take shards.
  double Change(int item, int target) const;
  Relief ReliefBy(int item, int target) const;

  void Move(int item, int target);
  void Count(int item, int node, double sign);

 private:
  struct Set {
    int row = -1;            // in wide_, for wide sets
    std::vector<int> items;  // of the others
    double load = 0;         // on nodes that take shards
  };

  double Larger(int set, int source, int target, double moved) const;

  const std::vector<BalanceNode>& nodes_;
  std::vector<BalanceItem> items_;
  std::vector<bool> takes_;
  std::vector<double> total_;
  std::vector<Set> sets_;
  std::vector<double> wide_;  // loads of wide sets, a row of nodes for each
  double load_ = 0;           // on nodes that take shards
  double capacities_ = 0;
  double greatest_ = 0;
};

}  // namespace altius::core
