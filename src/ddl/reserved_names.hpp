// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::ddl {

/// From then on it is an error when a command gives something the name that a shard of another role's table has, or something that is
/// made for it.
void InitReservedNames();

}  // namespace altius::ddl
