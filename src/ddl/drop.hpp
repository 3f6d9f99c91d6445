// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::ddl {

/// Drops the relations of these shards on this node, with what refers to them; missing ones are
/// passed over.
void DropShardRelations(const char* schema, const char* table, const int64* ids, int count);

/// The table's shards on this node and its metadata here; its colocation group when it was the last
/// member.
void ForgetTable(const catalog::Table& table);

/// Deletes colocation groups without tables.
void DeleteEmptyColocation(int colocation);

}  // namespace altius::ddl
