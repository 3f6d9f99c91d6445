// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::ddl {

/// Marks the index on the shell table as one that could not be built, if it is there.  Raises unless the user owns it.
void InvalidateIndex(const char *qualified);

}  // namespace altius::ddl
