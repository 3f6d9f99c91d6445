// SPDX-License-Identifier: PostgreSQL
// Which groups hold the shards of a new table: dealt out like cards.  Tables of one colocation
// group get the same answer from the same groups, and every node computes the same.
#pragma once

#include <vector>

namespace altius::core {

/// The group for shard `index`; `groups` is sorted ascending and has `group_count` (> 0) members.
constexpr int GroupOfShard(const int* groups, int group_count, int index) noexcept {
  return groups[index % group_count];
}

struct ShardPlacement {
  int shard_index;
  int group;

  friend bool operator==(const ShardPlacement&, const ShardPlacement&) = default;
};

/// All placements of a table with `shard_count` shards and `copies` placements each, ordered by
/// shard and copy.  The groups may come in any order and with repetitions.  Throws Error when there
/// are fewer groups than copies.
std::vector<ShardPlacement> PlaceRoundRobin(std::vector<int> groups, int shard_count,
                                            int copies = 1);

}  // namespace altius::core
