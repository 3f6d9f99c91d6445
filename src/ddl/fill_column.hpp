// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::ddl {

/// After ALTER TABLE on a distributed table: columns added that draw from a sequence get their
/// numbers in all rows.
void FillAddedColumns(AlterTableStmt* alter, Oid relid);

/// After ALTER TABLE on a reference table: values that each copy has computed (now(), random()) become those of the leading copy.
void EvenCopies(AlterTableStmt* alter, Oid relid);

}  // namespace altius::ddl
