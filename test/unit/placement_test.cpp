// SPDX-License-Identifier: PostgreSQL
#include <map>
#include <set>
#include <vector>

#include "altius/base/error.hpp"
#include "altius/core/placement/round_robin.hpp"
#include "catch.hpp"

using namespace altius::core;

TEST_CASE("shards are dealt out in turn") {
  const std::vector<ShardPlacement> expected{{0, 1}, {1, 2}, {2, 5}, {3, 1}};
  CHECK(PlaceRoundRobin({1, 2, 5}, 4) == expected);
  CHECK(PlaceRoundRobin({5, 1, 2, 1}, 4) == expected);
}

TEST_CASE("no group holds more than one shard more than another, and copies lie apart") {
  for (int groups = 1; groups <= 7; groups++) {
    for (int copies = 1; copies <= groups; copies++) {
      for (const int shards : {1, 4, 32, 33}) {
        std::vector<int> ids;
        for (int i = 0; i < groups; i++) ids.push_back(i * 3);
        std::map<int, int> load;
        std::map<int, std::set<int>> holders;
        for (const int id : ids) load[id] = 0;
        for (const ShardPlacement& placement : PlaceRoundRobin(ids, shards, copies)) {
          load[placement.group]++;
          holders[placement.shard_index].insert(placement.group);
        }
        int least = load.begin()->second;
        int most = least;
        for (const auto& [group, count] : load) {
          least = std::min(least, count);
          most = std::max(most, count);
        }
        bool apart = static_cast<int>(holders.size()) == shards;
        for (const auto& [shard, where] : holders) {
          apart = apart && static_cast<int>(where.size()) == copies;
        }
        INFO(groups << " groups, " << copies << " copies, " << shards << " shards");
        CHECK(apart);
        CHECK(most - least <= copies);
      }
    }
  }
}

TEST_CASE("too few groups is an error with a hint") {
  CHECK_THROWS_AS(PlaceRoundRobin({}, 4), altius::Error);
  CHECK_THROWS_AS(PlaceRoundRobin({1, 1}, 4, 2), altius::Error);
}
