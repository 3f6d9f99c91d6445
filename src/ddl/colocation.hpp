// SPDX-License-Identifier: PostgreSQL
// Which colocation group a new table joins, and where its shards lie.
#pragma once

#include "altius/ddl/tables.hpp"

namespace altius::ddl {

/// What is decided about a table before anything is written.
struct Plan {
  Oid relid;
  catalog::TableKind kind;
  AttrNumber key;
  const char* key_name;
  Oid key_type;  // base type; InvalidOid without a key
  Oid key_collation;
  int colocation;
  bool new_colocation;
  bool own_colocation;  // that no table joins by default
  const catalog::Table*
      beside;  // a table of the colocation group, whose placements are copied; null: none yet
  int shard_count;
  int copies;
};

/// Fills colocation, beside and shard_count.
void ChooseColocation(Plan* plan, const DistributeOptions& options);

/// Groups that get shards of new tables (ascending).
pg::Array<int> GroupsForShards();

/// Groups that hold a copy of each reference table.
pg::Array<int> GroupsForReference();

}  // namespace altius::ddl
