// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "move.hpp"

namespace altius::rebalance {

/// Raises an error when `share` of the bytes of `from`'s members would not leave the target of `to`, which has its lanes,
/// enough free space.
void CheckSpace(Move* from, const Move& to, double share);

}  // namespace altius::rebalance
