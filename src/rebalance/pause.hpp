// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::rebalance {

/// Waits; cancels and other interrupts are served.
void Pause(long ms);

}  // namespace altius::rebalance
