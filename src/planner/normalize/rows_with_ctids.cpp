// SPDX-License-Identifier: PostgreSQL
#include "rows_with_ctids.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
}

namespace altius::planner {

namespace {

bool HandsCtidsOn(const RangeTblEntry *rte) {
  if (rte->rtekind == RTE_CTE) return list_member_oid(rte->coltypes, TIDOID);
  if (rte->rtekind != RTE_SUBQUERY) return false;
  ListCell *cell;
  foreach (cell, rte->subquery->targetList) {
    if (exprType(pg::AsNode(lfirst_node(TargetEntry, cell)->expr)) == TIDOID) return true;
  }
  return false;
}

Bitmapset *ThoseWithCtids(const Query *query) {
  Bitmapset *found = nullptr;
  ListCell *entry;
  foreach (entry, query->rtable) {
    if (HandsCtidsOn(lfirst_node(RangeTblEntry, entry))) found = bms_add_member(found, foreach_current_index(entry) + 1);
  }
  return found;
}

bool SpellRowsWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, SpellRowsWalker, context);
  auto *query = reinterpret_cast<Query *>(node);
  Bitmapset *rels = ThoseWithCtids(query);
  if (rels != nullptr) ExpandWholeRows(query, rels);
  return pg::WalkQuery(query, SpellRowsWalker, context);
}

}  // namespace

void SpellRowsWithCtids(Query *query) { SpellRowsWalker(pg::AsNode(query), nullptr); }

}  // namespace altius::planner
