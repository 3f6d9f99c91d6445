// SPDX-License-Identifier: PostgreSQL
#include "altius/rebalance/rebalance.hpp"

#include "altius/rebalance/plan.hpp"
#include "jobs/jobs.hpp"
#include "move.hpp"

namespace altius::rebalance {

void Init() {
  InitPlanning();
  jobs::Init();
  InitMoves();
}

}  // namespace altius::rebalance
