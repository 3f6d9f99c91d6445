// SPDX-License-Identifier: PostgreSQL
// What may be distributed, and how.  Every function returns quietly or raises an error that says
// what to do.
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::ddl {

/// What a table is, or is about to become.
struct Shape {
  Oid relid;
  catalog::TableKind kind;
  AttrNumber key;  // of kind Hash
  int colocation;
};
Shape ShapeOf(const catalog::Table& table);

/// Raises with the coordinator's address when this server is not the coordinator.
void RequireCoordinator();

void RequireOwner(Oid relid);

/// A plain or partitioned permanent table without inheritance, rules or foreign servers, not
/// distributed yet.
void CheckDistributable(Oid relid);

/// No constraint or generated column is made of tableoid, which is that of a shard where rows are.
void RefuseTableOids(Oid relid);

/// The column exists, can be hashed, and is not generated.
AttrNumber CheckKeyColumn(Oid relid, const char* name);

/// Unique and exclusion constraints and unique indexes contain the key.
void CheckUniqueness(const Shape& shape);

/// Foreign keys from and to the table lead to rows that lie beside it.
void CheckForeignKeys(const Shape& shape);

}  // namespace altius::ddl
