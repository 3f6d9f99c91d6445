// SPDX-License-Identifier: PostgreSQL
// A column of a shard that a sequence feeds, on the node of the shard.
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::ddl {

struct Numbers {
  int64 first;
  int64 step;
};

/// By a scan: a query would be planned, and calls functions of the table's owner then.
int64 CountShardRows(const catalog::Table& table, const catalog::Shard& shard);

/// Copies of a shard number alike.  As PostgreSQL does when it adds a column: no trigger of a user fires, constraints are checked.
/// What the table's definition calls runs as its owner.
void NumberShardRows(const catalog::Table& table, const catalog::Shard& shard, const char* column, Numbers numbers);

}  // namespace altius::ddl
