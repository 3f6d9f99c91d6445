// SPDX-License-Identifier: PostgreSQL
#include "altius/core/evaluation/late_columns.hpp"

namespace altius::core::evaluation {

Late WhyLate(const Selection& selection, const ResultColumn& column) {
  if (!selection.sorted || !selection.counted || selection.distinct || selection.set_returning) return Late::No;
  if (column.compared || column.plain || column.subquery) return Late::No;
  if (column.is_volatile) return Late::Volatile;
  return column.costly ? Late::Costly : Late::No;
}

}  // namespace altius::core::evaluation
