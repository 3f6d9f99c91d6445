// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "altius/core/shard/name.hpp"
#include "altius/core/shard/ranges.hpp"
#include "catch.hpp"

using namespace altius::core;

namespace {

constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();

std::vector<std::int32_t> MinimaOf(int count) {
  std::vector<std::int32_t> mins;
  for (int i = 0; i < count; i++) mins.push_back(RangeOf(i, count).min);
  return mins;
}

std::string ShardName(const std::string& name, std::int64_t id) {
  char out[kNameSize];
  std::memset(out, 'x', sizeof out);
  AppendShardId(name.c_str(), id, out);
  return out;
}

}  // namespace

TEST_CASE("the bounds are those the interface shows") {
  CHECK(RangeOf(0, 1) == HashRange{kLowest, kHighest});
  CHECK(RangeOf(0, 4) == HashRange{-2147483648, -1073741825});
  CHECK(RangeOf(3, 4) == HashRange{1073741824, 2147483647});
  CHECK(RangeOf(0, 3) == HashRange{-2147483648, -715827884});
  CHECK(RangeOf(2, 3) == HashRange{715827882, 2147483647});
  CHECK(RangeOf(31, 32) == HashRange{2013265920, 2147483647});
}

TEST_CASE("the ranges of a table cover the hash space without gap or overlap") {
  for (const int count : {1, 2, 3, 5, 7, 32, 33, 100, 1000, 63999, kMaxShardCount}) {
    INFO("shard count " << count);
    std::int64_t next = kLowest;
    bool seamless = true;
    for (int i = 0; i < count; i++) {
      const HashRange range = RangeOf(i, count);
      seamless = seamless && range.min == next && range.min <= range.max;
      next = std::int64_t{range.max} + 1;
    }
    CHECK(seamless);
    CHECK(next == std::int64_t{kHighest} + 1);
  }
}

TEST_CASE("every hash is found in the range that contains it") {
  std::mt19937 random(1);
  for (const int count : {1, 2, 3, 32, 63, 1000}) {
    const std::vector<std::int32_t> mins = MinimaOf(count);
    std::vector<std::int32_t> hashes{kLowest, kLowest + 1, -1, 0, 1, kHighest - 1, kHighest};
    for (const std::int32_t min : mins) {
      hashes.push_back(min);
      if (min > kLowest) hashes.push_back(min - 1);
    }
    for (int i = 0; i < 1000; i++) hashes.push_back(static_cast<std::int32_t>(random()));
    bool found = true;
    for (const std::int32_t hash : hashes) {
      const int index = FindRange(mins.data(), count, hash);
      found = found && index >= 0 && index < count && RangeOf(index, count).Contains(hash);
    }
    INFO("shard count " << count);
    CHECK(found);
  }
}

TEST_CASE("a hash below the first minimum, or no ranges at all, is not found") {
  const std::int32_t mins[] = {0, 10};
  CHECK(FindRange(mins, 2, -1) == -1);
  CHECK(FindRange(mins, 2, 9) == 0);
  CHECK(FindRange(mins, 0, 5) == -1);
}

TEST_CASE("a short name keeps its letters") {
  CHECK(ShardName("items", 102008) == "items_102008");
  CHECK(ShardName("Größe 1", 5) == "Größe 1_5");
  CHECK(ShardName(std::string(56, 'a'), 102008) == std::string(56, 'a') + "_102008");
}

TEST_CASE("a long name is cut, stays in the limit and stays distinct") {
  const std::string common(57, 'a');
  const std::string one = ShardName(common + "bcdef1", 102008);
  const std::string two = ShardName(common + "bcdef2", 102008);
  CHECK(one.size() == 63);
  CHECK(one != two);
  CHECK(one.substr(0, 47) == common.substr(0, 47));
  CHECK(one.substr(56) == "_102008");
  // Shards exist under these names: the hash may never change.
  CHECK(ShardName(std::string(63, 'x'), 102008) == std::string(47, 'x') + "_5d48afe3_102008");

  std::set<std::string> names;
  for (int i = 0; i < 1000; i++) names.insert(ShardName(common + std::to_string(i), 102008));
  CHECK(names.size() == 1000);
  for (int i = 0; i < 1000; i++) names.insert(ShardName(common, 102009 + i));
  CHECK(names.size() == 2000);
}

TEST_CASE("a name is never cut inside a UTF-8 character") {
  for (std::size_t lead = 0; lead < 4; lead++) {
    std::string name(lead, 'a');
    while (name.size() + 4 <= 63) name += "\xF0\x9F\x90\x98";
    const std::string shard = ShardName(name, std::numeric_limits<std::int64_t>::max());
    INFO("lead " << lead);
    CHECK(shard.size() <= 63);
    const std::size_t kept = shard.find('_');
    CHECK((kept - lead) % 4 == 0);
    CHECK(name.substr(0, kept) == shard.substr(0, kept));
  }
}

TEST_CASE("the id comes back out of every name that was made") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; i++) {
    const std::string name(1 + random() % 63, static_cast<char>('a' + random() % 26));
    const auto id = static_cast<std::int64_t>(random() >> (1 + random() % 60)) + 1;
    if (ShardIdOfName(ShardName(name, id).c_str()) != id) FAIL(name << " " << id);
  }
  CHECK_FALSE(ShardIdOfName("items").has_value());
  CHECK_FALSE(ShardIdOfName("items_").has_value());
  CHECK_FALSE(ShardIdOfName("_17").has_value());
  CHECK_FALSE(ShardIdOfName("items_0").has_value());
  CHECK_FALSE(ShardIdOfName("items_-5").has_value());
  CHECK_FALSE(ShardIdOfName("items_05").has_value());
  CHECK_FALSE(ShardIdOfName("items_5a").has_value());
  CHECK_FALSE(ShardIdOfName("items_99999999999999999999").has_value());
  CHECK_FALSE(ShardIdOfName("").has_value());
}
