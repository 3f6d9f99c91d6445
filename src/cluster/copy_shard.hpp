// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::cluster {

/// Copies the shard's rows from a node that has it into the empty table of the same name on another
/// one, in the current distributed transaction, through this server.
void CopyShardRows(const catalog::Table& table, const catalog::Shard& shard, int target_group);

}  // namespace altius::cluster
