// SPDX-License-Identifier: PostgreSQL
// What a modification assigns, as PostgreSQL's deparser wants it: as the user wrote it, before the rewriter.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::deparse {

/// For the target list of INSERT, UPDATE, ON CONFLICT or an action of MERGE.  The rewriter has made one expression of all
/// assignments to parts of a column (a[1], c.f), of which the deparser would print the last only: each gets an entry again.  And it
/// has sorted the entries by column, but the deparser takes the columns of one subquery (SET (a, b) = (SELECT ...)) for neighbours,
/// in the subquery's order, and the subqueries for ordered like them.
void SpellAssignments(List **targets);

/// The rewriter drops `SET g = DEFAULT` of a generated column, which may be all that is assigned, and which triggers ON UPDATE OF g
/// wait for: for those that the statement names there is an entry again.
void SpellGenerated(const Query *query, List **targets);

}  // namespace altius::deparse
