// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "fmgr.h"
}

namespace altius::pg {

/// Makes the input function of a type read texts of values that are stored somewhere already.  PostgreSQL does not check such a value
/// against its domains again when it is read: it may be older than the constraint, and the check is code of the domain's owner, which
/// is not to run as whoever reads.  So it is here, however deep the domains lie in arrays, rows and ranges.
/// `modifier`: tells which row an anonymous one is.  Does nothing for types without domains.
void ReadAsStored(FmgrInfo *input, Oid type, int32 modifier);

}  // namespace altius::pg
