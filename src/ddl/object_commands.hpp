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

/// The shell of a table, where there is none.
List* ShellCommands(Oid relid);

/// Roles that users made, with their attributes and memberships.
List* RoleCommands();

/// `DO` block that runs the commands when `condition` (an SQL expression) holds there.
char* CommandsIf(const char* condition, List* commands);

}  // namespace altius::ddl
