// SPDX-License-Identifier: PostgreSQL
// What ANALYZE found of the shards, as statistics of the table.
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::statistics {

/// Merges the statistics of all shards (of a reference table: of one copy), and writes them to the table's own in pg_statistic and
/// pg_class of every node, within the current transaction.  Raises the errors of nodes that can't be asked.
void Refresh(const catalog::Table &table);

}  // namespace altius::statistics
