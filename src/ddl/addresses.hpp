// SPDX-License-Identifier: PostgreSQL
// Which objects a command is about.
#pragma once

#include "altius/pg/array.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "nodes/parsenodes.h"
}

namespace altius::ddl {

/// The object that a CREATE command has just made; invalid for commands that make nothing other
/// nodes need.
ObjectAddress AddressCreated(Node* statement);

/// Whether the command makes an object of a kind that all nodes have (temporary ones do not count).
bool CreatesShared(Node* statement);

/// The existing objects that an ALTER, DROP, RENAME, GRANT or COMMENT is about (other than tables).
pg::Array<ObjectAddress> AddressesOf(Node* statement);

/// Leaves out of GRANT or REVOKE what this node does not have; false: nothing is left.
bool KeepGranted(GrantStmt* grant);

}  // namespace altius::ddl
