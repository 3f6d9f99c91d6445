// SPDX-License-Identifier: PostgreSQL
#include "limit.hpp"

#include "pause.hpp"
#include "settings.hpp"

extern "C" {
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

namespace {

constexpr int64 kAhead = 64 * 1024;            // what may come at once
constexpr int64 kMemory = 10 * USECS_PER_SEC;  // a new limit must not be bound by the past

}  // namespace

void KeepLimit(Limit* limit, int bytes) {
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
  if (bandwidth_limit_kb <= 0) return;
  limit->bytes += bytes;
  for (;;) {
    const TimestampTz now = GetCurrentTimestamp();
    if (now - limit->since > kMemory) *limit = Limit{now, bytes};
    const int64 allowed =
        static_cast<int64>(bandwidth_limit_kb) * 1024 * ((now - limit->since) / 1000) / 1000;
    if (limit->bytes <= allowed + kAhead) return;
    Pause(10);
    if (ConfigReloadPending) return;
  }
}

}  // namespace altius::rebalance
