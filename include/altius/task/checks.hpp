// SPDX-License-Identifier: PostgreSQL
// Constraints that concern several rows are checked when the user's statement ends, not when a part of it has run on a node:
// core/order/checks.hpp says when that takes more than PostgreSQL does by itself.  The node then notes which rows the statement's
// parts have changed, and fires the constraints' triggers for them when it is told that all parts have run.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace altius::task {

/// A user's statement with so many parts that change rows begins; what it sends belongs to it until it ends, or its memory goes.
void BeginChecks(const EState* statement, int modifications);
/// A part of the innermost one runs as a statement of its own.
void AddToChecks(int modifications);

/// Before its first modification is sent: of the innermost statement rows follow, or move to other shards.
void ExpectMoreRows();
void ExpectMoves();

/// In front of every modification that is sent to the group (this node's, too), of one of these tables (oids; NIL: any).
void KeepChecksBack(int group, uint64 owner, const List* tables);

/// All of the innermost statement has been sent: if it is one modification, its checks go right behind, without a wait of their own.
void CheckBehind();

/// Has the nodes check what was kept back, if anything was; the statement's end.
void EndChecks(const EState* statement);

}  // namespace altius::task
