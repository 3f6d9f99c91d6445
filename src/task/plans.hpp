// SPDX-License-Identifier: PostgreSQL
// This session's plans for statements on its own shards, by text.
#pragma once

#include "altius/task/local.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace altius::task {

struct LocalPlan {
  SPIPlanPtr plan;
  MemoryContext parsing;  // of what it is parsed with, which must live as long as the plan
};

/// A new plan, until SPI_finish.
LocalPlan PlanOf(const LocalStatement& statement);

/// The kept plan of the statement's text and argument types, made when there is none.  Inside of
/// SPI_connect .. SPI_finish.
SPIPlanPtr CachedPlanOf(const LocalStatement& statement);

}  // namespace altius::task
