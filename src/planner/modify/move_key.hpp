// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/array.hpp"
#include "shipping.hpp"
#include "target_rows.hpp"

namespace altius::planner {

/// UPDATE that may change the distribution column.
MoveStatements ShipMove(Shipping *shipping);

/// The same for a MERGE whose actions may: refused where something would tell a row that moves from one that is updated.
void CheckMergeMoves(const Query *merge, const catalog::Table &table);
/// Of rows that have the stored columns of the new row, in their order, in front.
MoveStatements MergeMoveStatements(Shipping *shipping, const pg::Array<AttrNumber> &columns, const pg::Array<Match> &matches);
/// The columns of the table that are not computed from others.
pg::Array<AttrNumber> StoredColumns(Oid relid);

}  // namespace altius::planner
