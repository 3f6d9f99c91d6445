// SPDX-License-Identifier: PostgreSQL
// Rows that come in: COPY, and rows computed on this node that belong to shards (the CustomScan
// "Altius Ship").
//
// The planner makes the ship node with
//   methods           GetCustomScanMethods(plan::kShipScan)
//   custom_private    plan::ToList(ship)
//   custom_plans      the plan whose rows are shipped
//   scan.scanrelid    0
//   custom_scan_tlist the columns of RETURNING; empty without
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "tcop/cmdtag.h"
}

namespace altius::ingest {

/// COPY table TO as COPY (SELECT columns FROM table) TO; null when it is not that of a table that Altius manages.
CopyStmt* CopyAsQuery(const CopyStmt* statement);

/// Whether it is COPY FROM of a table whose rows go to shards.
bool FillsShards(const CopyStmt* statement);

/// COPY of a table that Altius manages.  False: PostgreSQL's own COPY does it.
bool HandleCopy(CopyStmt* statement, ParseState* pstate, const char* query,
                QueryCompletion* completion);

/// Moves the rows of the shell table's own heap, which were there before it was distributed, into
/// its shards.
void MoveLocalRows(Oid relid);

/// Registers the scan methods.  From _PG_init.
void Init();

}  // namespace altius::ingest
