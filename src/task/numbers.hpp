// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace altius::task {

/// Whether the node's own step (not what is below it) may show the number of an object or of an enum's value: these have other
/// numbers on other nodes, though their texts are the same.
bool ShowsNumber(Node *node);

}  // namespace altius::task
