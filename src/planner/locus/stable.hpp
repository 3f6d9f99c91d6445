// SPDX-License-Identifier: PostgreSQL
// Stable functions that give the same on all nodes, and those that read what only the asking node has.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace altius::planner {

/// Whether a function that is marked as stable depends on nothing but its arguments and settings of the session, which all nodes
/// have: not on catalogs, files, the transaction's start or tables.
bool IsSameOnAllNodes(Oid function);

/// A call of a user's stable function in SQL whose body is such an expression.
bool HasSameBodyOnAllNodes(Node *call);

/// The call reads or prints names of objects, which depend on catalogs and the search path.
bool NamesObjects(Node *call);

}  // namespace altius::planner
