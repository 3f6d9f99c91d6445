// SPDX-License-Identifier: PostgreSQL
// Round robin placement.
#include "altius/core/placement/round_robin.hpp"

#include <algorithm>

#include "altius/base/error.hpp"

namespace altius::core {

std::vector<ShardPlacement> PlaceRoundRobin(std::vector<int> groups, int shard_count, int copies) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  const int group_count = static_cast<int>(groups.size());
  if (group_count == 0 || group_count < copies) {
    throw Error(sqlstate::kInvalidParameterValue, "not enough nodes to hold the shards",
                std::to_string(copies) + " nodes are needed, " + std::to_string(group_count) +
                    " may hold shards.",
                "Add nodes with citus_add_node(), or let a node hold shards with "
                "citus_set_node_property(..., 'shouldhaveshards', true).");
  }
  std::vector<ShardPlacement> placements;
  placements.reserve(static_cast<std::size_t>(shard_count) * static_cast<std::size_t>(copies));
  for (int shard = 0; shard < shard_count; shard++) {
    for (int copy = 0; copy < copies; copy++) {
      placements.push_back({shard, GroupOfShard(groups.data(), group_count, shard + copy)});
    }
  }
  return placements;
}

}  // namespace altius::core
