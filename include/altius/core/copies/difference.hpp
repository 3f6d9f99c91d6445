// SPDX-License-Identifier: PostgreSQL
// What makes one bag of rows another one.
#pragma once

#include <cstddef>

namespace altius::core {

/// Both are sorted by `compare` (as strcmp).  Calls extra(i) for elements of `has` that `wanted` lacks, as often as it does, and
/// missing(i) for those of `wanted` that `has` lacks.
template <typename Row, typename Compare, typename Extra, typename Missing>
void Difference(const Row* has, std::size_t has_count, const Row* wanted, std::size_t wanted_count, const Compare& compare,
                const Extra& extra, const Missing& missing) {
  std::size_t i = 0, j = 0;
  while (i < has_count || j < wanted_count) {
    const int order = i == has_count ? 1 : j == wanted_count ? -1 : compare(has[i], wanted[j]);
    if (order < 0) {
      extra(i++);
    } else if (order > 0) {
      missing(j++);
    } else {
      i++;
      j++;
    }
  }
}

}  // namespace altius::core
