// SPDX-License-Identifier: PostgreSQL
#include "managed.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

namespace {

bool ManagedWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    auto *rte = reinterpret_cast<RangeTblEntry *>(node);
    return rte->rtekind == RTE_RELATION && catalog::FindTable(rte->relid) != nullptr;
  }
  if (IsA(node, Query)) {
    return pg::WalkQuery(reinterpret_cast<Query *>(node), ManagedWalker, context, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, ManagedWalker, context);
}

}  // namespace

bool HasManagedTables(Query *query) { return ManagedWalker(pg::AsNode(query), nullptr); }

}  // namespace altius::planner
