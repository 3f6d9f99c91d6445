// SPDX-License-Identifier: PostgreSQL
// SET (a, b) = (SELECT ...) as PostgreSQL's deparser wants it.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::deparse {

/// Orders what UPDATE, ON CONFLICT or MERGE assigns: the rewriter has sorted it by column, but the deparser takes the columns of
/// one subquery for neighbours, in the subquery's order, and the subqueries for ordered like them.
/// Raises feature_not_supported where two columns of a subquery go to parts of the same column.
void OrderAssignments(List **targets);

}  // namespace altius::deparse
