// SPDX-License-Identifier: PostgreSQL
#include "maintenance.hpp"

namespace altius::txn {
void InitMaintenance() {}
}  // namespace altius::txn
