// SPDX-License-Identifier: PostgreSQL
// Subqueries in RETURNING that depend on the changed row and read what is elsewhere: they are computed with the rows, before these are
// changed, where the new row is known by then.
#pragma once

#include "shipping.hpp"

namespace altius::planner {

/// Whether the expression reads a table that is not whole on every node, or a WITH outside of it.
bool ReadsElsewhere(Node *expr);

/// Of UPDATE and DELETE: what the subquery gives for the row as RETURNING knows it; null: the shard computes it, if it can.
Node *ForeseenSubquery(const Shipping &shipping, Node *node);

/// Of INSERT: whether all that RETURNING gives has to be computed here, and can be.
bool IsInsertForeseen(const Shipping &shipping);

/// Makes it so; the columns that are shipped are there already.
void ReturnForeseen(Shipping *shipping);

}  // namespace altius::planner
