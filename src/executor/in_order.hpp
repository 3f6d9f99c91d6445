// SPDX-License-Identifier: PostgreSQL
// Statements that lock rows on several nodes, in the order that task/meeting.hpp has.
#pragma once

#include "state.hpp"

namespace altius::executor {

/// Starts all tasks of a statement that locks rows.  When others are at it, those of the lowest group have ended before the rest
/// start: the tasks that have ended come first, *ended of them.  Returns the rows affected so far.
int64 StartInOrder(FragmentState* state, int* ended);

}  // namespace altius::executor
