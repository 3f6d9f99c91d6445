// SPDX-License-Identifier: PostgreSQL
#include "altius/core/evaluation/row_order.hpp"

namespace altius::core::evaluation {

namespace {

/// Rows that it does not tell apart are the same rows.
bool IsTotal(std::span<const Sorted> columns) {
  for (const Sorted column : columns) {
    if (column != Sorted::Identical) return false;
  }
  return true;
}

bool ShowsOrder(const Call& call) {
  switch (call.takes) {
    case Call::Takes::Values:
      return false;
    case Call::Takes::OneOfEqual:
      return !call.identical;
    case Call::Takes::Order:
      return call.arguments.empty() || !IsTotal(call.arguments);
  }
  return true;
}

}  // namespace

Shows WhatShowsOrder(const Level& level) {
  const bool total = IsTotal(level.columns);
  if (level.limited && !total) return Shows::LimitTakesAny;
  if (level.first_of_group && !total) return Shows::FirstOfGroup;
  if (level.counts_rows) return Shows::RowFrame;
  if (level.one_of_equal) return Shows::OneOfEqual;
  if (level.array && !total) return Shows::Array;
  for (const Call& call : level.calls) {
    if (ShowsOrder(call)) return Shows::Call;
  }
  return Shows::Nothing;
}

}  // namespace altius::core::evaluation
