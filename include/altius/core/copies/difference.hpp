// SPDX-License-Identifier: PostgreSQL
// What makes one bag of rows another one.
#pragma once

namespace altius::core {

/// Both come sorted by `compare` (as strcmp): next_has() and next_wanted() give a pointer to a row, good until they are asked again, and
/// null at the end.  Calls extra(row) for rows that only the first has, as often as it does, and missing(row) for those that only the
/// second has.
template <typename NextHas, typename NextWanted, typename Compare, typename Extra, typename Missing>
void Difference(const NextHas& next_has, const NextWanted& next_wanted, const Compare& compare, const Extra& extra,
                const Missing& missing) {
  auto* has = next_has();
  auto* wanted = next_wanted();
  while (has != nullptr || wanted != nullptr) {
    const int order = has == nullptr ? 1 : wanted == nullptr ? -1 : compare(*has, *wanted);
    if (order < 0) extra(*has);
    if (order > 0) missing(*wanted);
    if (order <= 0) has = next_has();
    if (order >= 0) wanted = next_wanted();
  }
}

}  // namespace altius::core
