// SPDX-License-Identifier: PostgreSQL
// Types of distribution columns: every node has to hash a value alike, for ever.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace altius::ddl {

/// Raises an error for a type whose values have other hashes on other nodes.
void CheckKeyType(const char* column, Oid type);

/// Raises an error for ALTER TYPE that would change the hashes of values by which rows have found their shards.
void CheckTypeChange(Node* statement);

}  // namespace altius::ddl
