// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "fmgr.h"
}

namespace altius::pg {

/// Makes the input function of a type read names of objects (regclass) with a superuser's rights and search path: the value is
/// there already, elsewhere, and who may use the schema of what it names does not matter.  Nothing of a user's is called so: checks
/// of domains keep the rights of who reads.  Does nothing for other types.
void ReadNamesFreely(FmgrInfo *input, Oid type);

}  // namespace altius::pg
