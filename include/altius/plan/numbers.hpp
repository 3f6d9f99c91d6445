// SPDX-License-Identifier: PostgreSQL
// Numbers of a sequence that all nodes know come from the coordinator: on other nodes nextval() and
// identity columns are replaced in an expression or a query by a function that asks there.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace altius::plan {

/// The expression or query (a changed copy) with the replaced calls; itself when there is nothing
/// to replace, always on the coordinator.
Node* AskForNumbers(Node* node);

}  // namespace altius::plan
