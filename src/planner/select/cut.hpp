// SPDX-License-Identifier: PostgreSQL
// FROM and WHERE in parts, each a query of its own.
#pragma once

#include "planner/locus/scope.hpp"

namespace altius::planner {

/// Cuts FROM and WHERE of the level into leaves.
void CutParts(const Level *level, Scope *scope);

/// A query over one part: its join tree and conditions, with no target list yet.
Query *ArmOf(Query *query, const Part &part);

/// What was the source of an INSERT or the target of an UPDATE is read like anything else now: the deparser would leave it out.
void PrintAll(Query *query);

/// Range table indexes of relations and joins in a join tree or a list of its nodes.
Bitmapset *IndexesIn(Node *nodes);

/// What of the join tree is gone is gone from the range table too.
void BlankUnused(Query *query);

}  // namespace altius::planner
