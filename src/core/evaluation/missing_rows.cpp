// SPDX-License-Identifier: PostgreSQL
#include "altius/core/evaluation/missing_rows.hpp"

namespace altius::core::evaluation {

bool DropsWithoutKey(Step join, Side side) {
  switch (join) {
    case Step::InnerJoin:
    case Step::SemiJoin:
      return true;
    case Step::RightJoin:
      return side == Side::Outer;
    case Step::LeftJoin:
    case Step::AntiJoin:
      return side == Side::Inner;
    default:
      return false;
  }
}

bool MayLackRows(Step step, Side side, bool partition) {
  switch (step) {
    case Step::InnerJoin:
      return true;
    case Step::LeftJoin:
    case Step::SemiJoin:
    case Step::AntiJoin:
      return side == Side::Outer;
    case Step::RightJoin:
      return side == Side::Inner;
    case Step::FullJoin:
      return false;
    case Step::Pass:
      return true;
    case Step::Group:
    case Step::Window:
      return partition;
    case Step::FirstRows:
      return false;
  }
  return false;
}

}  // namespace altius::core::evaluation
