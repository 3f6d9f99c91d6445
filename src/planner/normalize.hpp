// SPDX-License-Identifier: PostgreSQL
// Brings a query into the form that the analysis reads: no join alias columns, CTEs used once inlined, row security as
// subqueries.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Changes the query and all queries in it, in place.
void Normalize(Query *query);

/// Where the query reads tables through views of other roles (`uses`: its relations), constants whose text could make a node
/// call code of users become values that are computed on the asking node.
void PrepareForLentRights(Query *query, const pg::RelationUses &uses);

/// ctids are compared together with the shards of their rows.  Raises feature_not_supported where that can't be done.
void CompareRowPlaces(Query *query);

/// WITH CHECK OPTION of views that a modification of the table goes through becomes part of the values that it writes.
/// Raises feature_not_supported where a condition can't be told from these values.
void SpellViewChecks(Query *query, const catalog::Table &table);

}  // namespace altius::planner
