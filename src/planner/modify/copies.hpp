// SPDX-License-Identifier: PostgreSQL
// What of a statement decides how it goes about the copies of a reference table (core/copies).
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/plan/fragment.hpp"
#include "planner/level.hpp"

namespace altius::planner {

/// A statement that the leading copy runs as it is.
plan::Copies CopiesOf(Query* query, const catalog::Table& table, const Level* level);

/// A statement whose rows are computed first and then go to the leading copy.
plan::Copies CopiesOfShipped(Query* query, const catalog::Table& table);

/// Partitions get rows by a way on which changes can't be kept: each copy runs such a statement.
bool CanBeCarried(const catalog::Table& table);

}  // namespace altius::planner
