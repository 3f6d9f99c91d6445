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

/// Commands that make what the object depends on (and itself) where other nodes do not have it;
/// notes that they have it.
List* CommandsWithDependencies(const ObjectAddress& object, bool itself);

}  // namespace altius::ddl
