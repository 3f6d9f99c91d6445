// SPDX-License-Identifier: PostgreSQL
// A CHECK constraint that a partition inherits has the parent's name, on shards the name of the
// parent's shard.
#pragma once

#include "shard_statement.hpp"

namespace altius::ddl {

/// The partition that an ALTER TABLE attaches or detaches (`type`), as the statement names it;
/// null: not such a command.
const catalog::Table* PartitionIn(Node* statement, AlterTableType type);

/// Before ATTACH PARTITION on the shards with this index: the partition's constraints get the names
/// of those of the parent with which they merge.
void MatchChecks(const catalog::Table& parent, const catalog::Table& partition, int index);

}  // namespace altius::ddl
