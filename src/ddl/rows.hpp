// SPDX-License-Identifier: PostgreSQL
// The rows a table holds on this node itself, before and after it is distributed.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::ddl {

bool HasLocalRows(Oid relid);

/// Raises when nothing is registered that can move rows.
void RequireRowMover(Oid relid);

/// Moves them into the shards and empties the table.
void MoveRows(Oid relid);

/// Empties the relation's own storage on this node.
void EmptyTable(Oid relid);

/// The same without a trigger: what lies in a distributed table's own storage is no row of it.
void ForgetLocalRows(Oid relid);

/// Row security may hold for the table's owner, too (FORCE): not while its rows are moved.  Whether it did.
bool UnforceRowSecurity(Oid relid);
void ForceRowSecurity(Oid relid);

}  // namespace altius::ddl
