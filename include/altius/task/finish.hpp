// SPDX-License-Identifier: PostgreSQL
// Modifying nodes that nobody read to the end (a WITH query that is not referenced, a LIMIT above
// it) still run to completion, as PostgreSQL's own do: before the executor finishes.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
}

namespace altius::task {

/// What the hooks know of a kind of node.
struct NodeKind {
  const CustomExecMethods* methods;
  bool (*modifies)(CustomScanState*);
  void (*finish)(CustomScanState*);         // runs it unless it has run
  int (*place_among_first)(CustomScanState*);  // of those that modify before others, from 1; 0: any; null: always 0
  List* (*changes)(CustomScanState*);       // of triggers (altius/trigger/trigger.hpp); null: it modifies nothing
  /// Sends what it reads, if that is known, or computed by init plans (their parameters), and if it locks nothing or may; null: it
  /// reads nothing by itself.
  void (*start_reading)(CustomScanState*, const Bitmapset* values, bool lock);
};

void RegisterNode(const NodeKind& kind);

/// Whether the rows that the node changes count as the statement's (it is not inside a WITH query
/// or subplan).
bool SetsTag(const CustomScanState* state, CmdType command);

/// Whether the statement is all that its transaction does, as far as the executor can see: one
/// statement sent by the client on its own, not from a function, not in a block.
bool IsWholeTransaction(const EState* estate);

/// Installs the hooks.  Safe to call more than once.
void InstallHooks();

}  // namespace altius::task
