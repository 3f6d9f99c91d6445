// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// The value, of type boolean, of a row that fits what the policy says of it; the condition is in terms of what has the row.
Node* CheckedByPolicy(const WithCheckOption* option, Node* condition, Node* value);

}  // namespace altius::planner
