// SPDX-License-Identifier: PostgreSQL
// A view lends its owner's rights on the tables that it reads to everybody who may use the view.  PostgreSQL checks all rights
// on the asking node.  On a node that has the shards the session is the user's own and knows of no view: so the asking node
// sends the statement with a proof that it comes from a node of the cluster (proof.hpp), and the node runs it without checking
// rights on shards.  That is done only where the user's own rights are not enough, or row security would apply to the user.
#pragma once

#include "altius/remote/connection.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "nodes/plannodes.h"
}

namespace altius::task {

/// Whether a part of the plan that uses these tables (of Oid) can run on their shards with lent rights only.  False where a
/// table with row security is changed: the nodes check its policies, and check them as the user's.
bool NeedsLentRights(const PlannedStmt *plan, const List *tables);

/// The statement as one that takes the rights along.  `columns` are those of its rows.
/// Raises 0A000 when it has parameters without a declared type.
remote::StatementText WithLentRights(const remote::StatementText &statement, bool modifies, TupleDesc columns);

}  // namespace altius::task
