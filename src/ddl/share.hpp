// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace altius::ddl {

/// Creates the object (or its new version) on all other nodes with all it needs.  Nothing happens
/// for objects that are temporary or need a relation that only this node has.
void ShareObject(const ObjectAddress& object);

/// The table has just been distributed: views on it, on those views, and functions that take or give rows can be shared now.
void ShareUsersOf(Oid relid);

bool HasOtherNodes();

}  // namespace altius::ddl
