// SPDX-License-Identifier: PostgreSQL
// What commits on the way can't be part of a block: its end would undo nothing of it.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "access/xact.h"
}

namespace altius::pg {

/// Raises an error inside of a block or a subtransaction.  `what` says what can't be done: "shards cannot be moved".
inline void RequireNoBlock(const char *what) {
  if (!IsTransactionBlock() && !IsSubTransaction()) return;
  ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg("%s inside a transaction block", what),
                  errdetail("That is committed by itself, whatever becomes of this transaction.")));
}

}  // namespace altius::pg
