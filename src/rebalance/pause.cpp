// SPDX-License-Identifier: PostgreSQL
#include "pause.hpp"

#include "altius/pg/compat_wait.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace altius::rebalance {

void Pause(long ms) {
  static uint32 event = 0;
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, pg::NamedWaitEvent(&event, "AltiusMovePause"));
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

}  // namespace altius::rebalance
