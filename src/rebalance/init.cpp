// SPDX-License-Identifier: PostgreSQL
#include "altius/rebalance/rebalance.hpp"
#include "jobs/jobs.hpp"

namespace altius::rebalance {

void Init() { jobs::Init(); }

}  // namespace altius::rebalance
