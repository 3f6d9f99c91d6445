// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::ddl {

/// An error when ALTER .. RENAME or SET SCHEMA gives something the name that a shard of another role's table has, or something that is
/// made for it.  What is created is looked at by itself.
void RefuseReservedName(Node* statement);

void InitReservedNames();

}  // namespace altius::ddl
