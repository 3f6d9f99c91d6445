// SPDX-License-Identifier: PostgreSQL
// From the names in a parse tree to an object.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "nodes/parsenodes.h"
}

namespace altius::ddl {

ObjectAddress MakeAddress(Oid class_id, Oid object_id);

/// The object that a statement names, if it is of a kind that nodes may have in common; invalid when it is not, or when there
/// is no such object.  What hangs on another object (a column, an attribute, a constraint of a domain) is known by that one.
/// `relation` and `object` are the statement's fields of these names, of which PostgreSQL's grammar fills one or the other.
ObjectAddress AddressOf(ObjectType type, const RangeVar* relation, Node* object);

/// A composite type is known by its type, not by its relation.
ObjectAddress AddressOfRelation(Oid relid);
ObjectAddress AddressOfRelation(const RangeVar* name);
ObjectAddress AddressOfType(List* names);

}  // namespace altius::ddl
