// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace altius::task {

/// When the executor starts on a DELETE of rows that move to another shard: they are marked as such.
void MarkLeaving(QueryDesc* query);

}  // namespace altius::task
