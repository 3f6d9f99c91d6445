// SPDX-License-Identifier: PostgreSQL
// What differs between versions where a relation's size in pg_class is written.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "access/multixact.h"
#include "commands/vacuum.h"
#include "utils/rel.h"
}

namespace altius::pg {

/// Sets relpages and reltuples, as ANALYZE does: in place, whatever becomes of the transaction.
inline void KeepSize(Relation relation, BlockNumber pages, double rows) {
#if PG_VERSION_NUM >= 180000
  vac_update_relstats(relation, pages, rows, 0, 0, relation->rd_rel->relhasindex, InvalidTransactionId, InvalidMultiXactId, nullptr,
                      nullptr, true);
#else
  vac_update_relstats(relation, pages, rows, 0, relation->rd_rel->relhasindex, InvalidTransactionId, InvalidMultiXactId, nullptr, nullptr,
                      true);
#endif
}

}  // namespace altius::pg
