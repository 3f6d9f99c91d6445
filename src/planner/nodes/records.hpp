// SPDX-License-Identifier: PostgreSQL
// Rows without a named type, as ROW(a, b) makes them, on their way from a node: their text can be read only by who knows the
// types of the fields.
#pragma once

#include "altius/pg/node.hpp"

namespace altius::planner {

/// 0A000 when values of the type would have to be read by a node.
void RefuseAnonymousRow(Oid type);

/// The typmod of `expr`, a result of `query`.  That of an anonymous row says which fields it has: they are registered in this
/// session.  -1 when the query doesn't say what they are, as where two arms of a CASE make different rows.  `arms` is the
/// query that stands for altius_arms within `query`, or null.
int32 ResultTypmod(Node *expr, const Query *query, const Query *arms);

/// Whether all of these targets of the query can be read when a node has computed them.
bool AreReadable(const List *targets, const Query *query);

}  // namespace altius::planner
