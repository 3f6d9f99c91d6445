// SPDX-License-Identifier: PostgreSQL
#include "loads.hpp"

#include <algorithm>

namespace altius::core {

Loads::Loads(const std::vector<BalanceNode>& nodes, const std::vector<BalanceItem>& items)
    : nodes_(nodes), items_(items), total_(nodes.size(), 0.0) {
  int takers = 0;
  for (const BalanceNode& node : nodes) {
    const bool takes = node.takes_shards && node.capacity > 0;
    takes_.push_back(takes);
    if (!takes) continue;
    takers++;
    capacities_ += node.capacity;
  }
  for (int i = 0; i < static_cast<int>(items.size()); i++) {
    const BalanceItem& it = items[At(i)];
    if (At(it.set) >= sets_.size()) sets_.resize(At(it.set) + 1);
    sets_[At(it.set)].items.push_back(i);
    greatest_ = std::max(greatest_, it.cost);
  }
  int rows = 0;
  for (Set& set : sets_) {
    if (static_cast<int>(set.items.size()) < std::max(takers, 2)) continue;
    set.row = rows++;
    set.items.clear();
  }
  wide_.assign(At(rows) * nodes.size(), 0.0);
  for (int i = 0; i < static_cast<int>(items.size()); i++) Count(i, items[At(i)].node, 1.0);
}

void Loads::Count(int item, int node, double sign) {
  const BalanceItem& it = items_[At(item)];
  const double cost = sign * it.cost;
  total_[At(node)] += cost;
  Set& set = sets_[At(it.set)];
  if (set.row >= 0) wide_[At(set.row) * nodes_.size() + At(node)] += cost;
  if (!Takes(node)) return;
  set.load += cost;
  load_ += cost;
}

double Loads::Of(int set, int node) const {
  if (set == kAllSets) return total_[At(node)];
  const Set& it = sets_[At(set)];
  if (it.row >= 0) return wide_[At(it.row) * nodes_.size() + At(node)];
  double load = 0;
  for (const int item : it.items) {
    if (items_[At(item)].node == node) load += items_[At(item)].cost;
  }
  return load;
}

double Loads::Average(int set) const {
  return (set == kAllSets ? load_ : sets_[At(set)].load) / capacities_;
}

double Loads::Change(int item, int target) const {
  const BalanceItem& it = items_[At(item)];
  const double width = 1 / capacity(it.node) + 1 / capacity(target);
  const double gap = Pressure(it.set, it.node) - Pressure(it.set, target);
  return -it.cost * (2 * gap - it.cost * width * (1 + Weight(it.set)));
}

double Loads::Larger(int set, int source, int target, double moved) const {
  return std::max((Of(set, source) - moved) / capacity(source),
                  (Of(set, target) + moved) / capacity(target));
}

Relief Loads::ReliefBy(int item, int target) const {
  const BalanceItem& it = items_[At(item)];
  const auto relief = [&](int set) {
    return Larger(set, it.node, target, 0) - Larger(set, it.node, target, it.cost);
  };
  return {relief(kAllSets), relief(it.set)};
}

void Loads::Move(int item, int target) {
  Count(item, items_[At(item)].node, -1.0);
  Count(item, target, 1.0);
  items_[At(item)].node = target;
}

double Unevenness(const std::vector<BalanceNode>& nodes, const std::vector<BalanceItem>& items) {
  const Loads loads(nodes, items);
  double sum = 0;
  for (int node = 0; node < loads.node_count(); node++) {
    if (!loads.Takes(node)) continue;
    for (int set = kAllSets; set < loads.set_count(); set++) {
      const double load = loads.Of(set, node);
      sum += loads.Weight(set) * load * load / loads.capacity(node);
    }
  }
  return sum;
}

}  // namespace altius::core
