// SPDX-License-Identifier: PostgreSQL
#include "shelves.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace altius::core {

Shelves::Shelves(const Loads& loads, int item_count) : node_count_(loads.node_count()) {
  int rows = 1;
  for (int set = 0; set < loads.set_count(); set++) {
    row_of_set_.push_back(loads.IsWide(set) ? rows++ : 0);
  }
  for (int i = 0; i < item_count; i++) {
    if (loads.item(i).movable && loads.Takes(loads.item(i).node)) items_.push_back(i);
  }
  // Of equal costs the one with the fewest bytes comes last: a search from above finds it first.
  std::sort(items_.begin(), items_.end(), [&](int a, int b) {
    const BalanceItem& left = loads.item(a);
    const BalanceItem& right = loads.item(b);
    return std::tuple(ShelfOf(left.set, left.node), left.cost, -left.bytes, -a) <
           std::tuple(ShelfOf(right.set, right.node), right.cost, -right.bytes, -b);
  });
  place_of_.assign(At(item_count), kNone);
  starts_.assign(At(rows * node_count_) + 1, 0);
  for (int place = 0; place < static_cast<int>(items_.size()); place++) {
    const int item = items_[At(place)];
    place_of_[At(item)] = place;
    costs_.push_back(loads.item(item).cost);
    starts_[At(ShelfOf(loads.item(item).set, loads.item(item).node)) + 1]++;
  }
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  of_node_.resize(At(node_count_));
  for (int shelf = 0; shelf < rows * node_count_; shelf++) {
    if (starts_[At(shelf)] < starts_[At(shelf) + 1])
      of_node_[At(shelf % node_count_)].push_back(shelf);
  }
  down_.resize(items_.size() + 2);
  std::iota(down_.begin(), down_.end(), 0);
  up_ = down_;
}

int Shelves::ShelfOf(int set, int node) const { return row_of_set_[At(set)] * node_count_ + node; }

int Shelves::PlaceAbove(int shelf, double cost) const {
  const auto begin = costs_.begin() + starts_[At(shelf)];
  const auto end = costs_.begin() + starts_[At(shelf) + 1];
  return static_cast<int>(std::upper_bound(begin, end, cost) - costs_.begin());
}

int Shelves::Find(std::vector<int>& links, int place) {
  while (links[At(place)] != place) {
    links[At(place)] = links[At(links[At(place)])];
    place = links[At(place)];
  }
  return place;
}

int Shelves::Below(int shelf, int place) {
  if (place < starts_[At(shelf)]) return kNone;
  const int found = Find(down_, place + 1) - 1;
  return found < starts_[At(shelf)] ? kNone : found;
}

int Shelves::Above(int shelf, int place) {
  if (place >= starts_[At(shelf) + 1]) return kNone;
  const int found = Find(up_, place + 1) - 1;
  return found >= starts_[At(shelf) + 1] ? kNone : found;
}

void Shelves::Take(int item) {
  const int place = place_of_[At(item)];
  if (place == kNone) return;
  down_[At(place) + 1] = place;
  up_[At(place) + 1] = place + 2;
  place_of_[At(item)] = kNone;
}

}  // namespace altius::core
