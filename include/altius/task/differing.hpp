// SPDX-License-Identifier: PostgreSQL
// What may come to something else for the same row on another node: copies of a reference table must not compute it each for itself.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
#include "utils/rel.h"
}

namespace altius::task {

/// What is computed once, beforehand, is the same everywhere.  A null pointer: nothing is.
struct ComputedBefore {
  bool (*is)(Node *node, void *context);
  void *context;
};

bool MayDiffer(Node *expr, const ComputedBefore &before);

/// Whether a generated column may.
bool GeneratesDiffering(Relation relation);

}  // namespace altius::task
