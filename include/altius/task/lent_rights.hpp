// SPDX-License-Identifier: PostgreSQL
// A view lends its owner's rights on the tables that it reads to everybody who may use the view.  PostgreSQL checks all rights
// on the asking node.  On a node that has the shards the session is the user's own and knows of no view: so the asking node
// sends the statement with a ticket, which proves that it comes from a node (altius/door), and the node runs it without checking
// rights on shards.  That is done only where the user's own rights are not enough, or row security would apply to the user.
// So do policies: they may read columns that the user may not.  And so does a change of rows that other rows choose: its rows are
// found by ctid, which takes SELECT, where the user may have UPDATE or DELETE alone.
// Policies for rows that are changed are the nodes' to check: they do it for the view's owner.
#pragma once

#include "altius/pg/permissions.hpp"
#include "altius/remote/connection.hpp"
#include "altius/task/lending.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "nodes/plannodes.h"
}

namespace altius::task {

/// Whether the table's policies, which are part of the text for a node, may read columns that the user may not.
bool PoliciesReadMore(Oid relid);

/// Whether rows are changed that the user may not read: to find them by ctid again is not what the user has asked for.
bool FindsRowsUnseen(const pg::Requirement &requirement);

/// What a part of the plan needs that uses these tables (of Oid), and may find rows to change by ctid.
Lending LendingFor(const PlannedStmt *plan, const List *tables, bool finds_rows);

/// The statement as one that takes the rights along, where they are needed.  `columns` are those of its rows.
/// Raises 0A000 when it has parameters without a declared type.
remote::StatementText WithLentRights(const remote::StatementText &statement, const Lending &lending, bool modifies,
                                     TupleDesc columns);

/// Of a statement with lent rights, between rewriting and planning: the rights were proved where it comes from, and may not be those that
/// finding rows by ctid takes.  Only the policies of the table that is changed are the user's (or the view owner's).
void EndPolicyRoles(Query *query);

}  // namespace altius::task
