// SPDX-License-Identifier: PostgreSQL
// Statistics of a table or of a part of it, and how they travel between nodes.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "column.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace altius::statistics {

struct NamedColumn {
  const char *name;
  Oid type;  // of the values
  Column column;
};

struct Table {
  double rows;
  double pages;
  pg::Array<NamedColumn> columns;
};

/// Of the table's shards on this node.
Table OfShardsHere(const catalog::Table &table);

/// Of all the parts.
Table MergeTables(const catalog::Table &table, const pg::Array<Table> &parts);

/// Writes the table's own statistics on this node.  Somebody else who does the same at this moment does it in our place.
void Keep(Oid relid, const Table &found);

/// As the columns of shard_statistics, and back; texts of PostgreSQL's types, null pointers where there is nothing.
inline constexpr int kTexts = 10;
void ToTexts(const Table &found, void (*put)(void *context, const char *const *texts), void *context);
void AddFromTexts(Oid relid, const char *const *texts, Table *found);

}  // namespace altius::statistics
