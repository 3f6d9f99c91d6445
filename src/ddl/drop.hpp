// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::ddl {

/// What the shards of a table are known by.
struct ShardNames {
  const char* schema;
  const char* table;
  Oid owner;
};

/// Drops the relations of these shards on this node, with what refers to them; missing ones, and those of another owner, are
/// passed over.
void DropShardRelations(const ShardNames& names, const int64* ids, int count);

/// The table's shards on this node and its metadata here; its colocation group when it was the last
/// member.
void ForgetTable(const catalog::Table& table);

/// Keeps in mind who owned the tables that a transaction drops.
void InitDrop();

/// Deletes colocation groups without tables.
void DeleteEmptyColocation(int colocation);

}  // namespace altius::ddl
