// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// Whether the object needs what only this node has: a local or temporary table, a materialized view, an operator or another object
/// of a kind that is not carried.
bool DependsOnLocalObject(const ObjectAddress& object);

/// What the user can't make elsewhere, of the object and of what it depends on that other nodes do not have: it is another role's.
/// InvalidOid as the object's oid: nothing.
ObjectAddress MissingObjectOfAnother(const ObjectAddress& object);

/// Commands that make what the object depends on (and itself) where other nodes do not have it;
/// notes that they have it.
List* CommandsWithDependencies(const ObjectAddress& object, bool itself);

}  // namespace altius::ddl
