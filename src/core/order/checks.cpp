// SPDX-License-Identifier: PostgreSQL
#include "altius/core/order/checks.hpp"

namespace altius::core::order {

bool KeepsChecksBack(const Checked& statement) {
  if (!statement.constrained) return false;
  if (statement.modifications > 1 || statement.rows_follow || statement.moves) return true;
  return statement.within;
}

}  // namespace altius::core::order
