// SPDX-License-Identifier: PostgreSQL
// altius.move_bandwidth_limit, for whoever reads from the source.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace altius::rebalance {

struct Limit {
  TimestampTz since;  // bytes are counted from here on
  int64 bytes;
};

/// Counts bytes that have come, and waits as long as the setting demands.  A changed setting counts
/// at once.
void KeepLimit(Limit* limit, int bytes);

}  // namespace altius::rebalance
