// SPDX-License-Identifier: PostgreSQL
// Commands that are made of what users defined, run with the rights of the owner of what they make: already the analysis of a
// literal may call a function of a user (the check of a domain in an array, say).
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace altius::ddl {

/// Runs a utility statement that makes something in the schema, or changes something there, as the owner.  A statement without
/// any expression runs as the current user, since the owner may lack rights on what it names.
void RunAsOwner(Node* statement, Oid schema, Oid owner);

/// Foreign keys in the statement are made as valid and not looked at: the rows are known to satisfy them, or there are none.  Already
/// the plan of a look would call functions of the tables' owners.
void TrustForeignKeys(Node* statement);

}  // namespace altius::ddl
