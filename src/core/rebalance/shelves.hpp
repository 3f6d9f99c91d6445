// SPDX-License-Identifier: PostgreSQL
// The shard groups that may still move, on shelves: one for each node and wide set, one for each
// node with those of all other sets.  A shelf is sorted by cost; what was taken from it is skipped
// in nearly constant time.
#pragma once

#include <vector>

#include "loads.hpp"

namespace altius::core {

class Shelves {
 public:
  explicit Shelves(const Loads& loads, int item_count);

  /// The shelf of the set's items on the node; for sets that are not wide, the shared one.
  int ShelfOf(int set, int node) const;
  /// All shelves of the node that have held anything, the shared one among them.
  const std::vector<int>& ShelvesOf(int node) const { return of_node_[At(node)]; }

  /// The place of the first item that costs more than this.
  int PlaceAbove(int shelf, double cost) const;
  /// The nearest place that still holds an item, at this place or below (above); kNone if there is
  /// none.
  int Below(int shelf, int place);
  int Above(int shelf, int place);
  int ItemAt(int place) const { return items_[At(place)]; }

  void Take(int item);

  static constexpr int kNone = -1;

 private:
  static int Find(std::vector<int>& links, int place);

  int node_count_;
  std::vector<int> row_of_set_;  // 0: the shared row
  std::vector<int> starts_;      // of each shelf in items_
  std::vector<int> items_;
  std::vector<double> costs_;
  std::vector<int> place_of_;  // by item; kNone: on no shelf
  // The next place that is still taken into account, itself if it is; shifted by one so that there
  // is one before the first.
  std::vector<int> down_;
  std::vector<int> up_;
  std::vector<std::vector<int>> of_node_;
};

}  // namespace altius::core
