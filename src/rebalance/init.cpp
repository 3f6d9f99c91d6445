// SPDX-License-Identifier: PostgreSQL
#include "altius/rebalance/rebalance.hpp"

#include "altius/rebalance/plan.hpp"
#include "jobs/jobs.hpp"

namespace altius::rebalance {

void Init() {
  InitPlanning();
  jobs::Init();
}

}  // namespace altius::rebalance
