// SPDX-License-Identifier: PostgreSQL
// Commands that make one object (not a table) on another node, harmless where it exists.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// NIL for kinds that are not carried to other nodes.  For a superuser the other node runs those of objects with expressions in
/// their definition as their owner (make_as_owner).
List* CommandsOfObject(const ObjectAddress& object);

/// What makes a table's shell or a part of it, in the same way; `condition` (an SQL expression) may be null.
List* CommandsForTable(Oid relid, List* commands, const char* condition);

/// What the roles that users made are, and their memberships.
List* RoleCommands();

}  // namespace altius::ddl
