// SPDX-License-Identifier: PostgreSQL
// A move that lets everybody go on: rows are copied under a snapshot, what changed since comes as a stream.
#include "move.hpp"

namespace altius::rebalance {

void MoveOnline(Move* move) {
  (void)move;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("not yet")));
}

}  // namespace altius::rebalance
