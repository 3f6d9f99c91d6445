// SPDX-License-Identifier: PostgreSQL
// How the space of int4 hash values is cut into shards: `count` equal ranges, the last one takes
// what division leaves. Header-only and without allocation: it runs on the hot path and in frames
// that a longjmp leaves.
#pragma once

#include <cstdint>
#include <limits>

namespace altius::core {

inline constexpr int kMaxShardCount = 64000;

/// Both ends belong to the range.
struct HashRange {
  std::int32_t min;
  std::int32_t max;

  constexpr bool Contains(std::int32_t hash) const noexcept { return min <= hash && hash <= max; }
  friend constexpr bool operator==(const HashRange&, const HashRange&) = default;
};

/// The range of shard `index` (0 .. count-1) of a table with `count` (> 0) shards.
constexpr HashRange RangeOf(int index, int count) noexcept {
  constexpr std::int64_t kLowest = std::numeric_limits<std::int32_t>::min();
  const std::int64_t width = (std::int64_t{1} << 32) / count;
  const std::int64_t min = kLowest + index * width;
  const std::int64_t max =
      index == count - 1 ? std::numeric_limits<std::int32_t>::max() : min + width - 1;
  return {static_cast<std::int32_t>(min), static_cast<std::int32_t>(max)};
}

/// The index of the range that holds `hash`: the last of the sorted minima that is not above it; -1
/// below the first. Works for any cut of the space, also after splits.
constexpr int FindRange(const std::int32_t* mins, int count, std::int32_t hash) noexcept {
  int low = 0;
  int high = count;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (mins[middle] <= hash) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}

}  // namespace altius::core
