// SPDX-License-Identifier: PostgreSQL
#include "rewrite.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/fragment/fragment.hpp"
#include "planner/fragment/leaf.hpp"
#include "planner/level.hpp"
#include "planner/locus/scope.hpp"
#include "planner/managed.hpp"
#include "planner/modify/modify.hpp"
#include "cut.hpp"
#include "decorrelate.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/nodes/records.hpp"
#include "split.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "optimizer/tlist.h"
}

namespace altius::planner {

namespace {

bool InnerWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) {
    Rewrite(reinterpret_cast<Query *>(node), static_cast<const Level *>(data));
    return false;
  }
  return pg::Walk(node, InnerWalker, data);
}

/// CTEs that were rewritten into reads are no modifications any more.
void CheckModifyingCtes(Query *query) {
  query->hasModifyingCTE = false;
  ListCell *cell;
  foreach (cell, query->cteList) {
    auto *cte_query = reinterpret_cast<Query *>(lfirst_node(CommonTableExpr, cell)->ctequery);
    if (cte_query->commandType != CMD_SELECT) query->hasModifyingCTE = true;
  }
}

}  // namespace

/// Last one first: a modification may take along others that it reads.
void RewriteModifyingCtes(const Level *level) {
  Query *query = level->query;
  for (int i = list_length(query->cteList) - 1; i >= 0; i = std::min(i, list_length(query->cteList)) - 1) {
    auto *cte = static_cast<CommonTableExpr *>(list_nth(query->cteList, i));
    if (reinterpret_cast<Query *>(cte->ctequery)->commandType != CMD_SELECT) RewriteModifyingCte(cte, level);
  }
}

void RewriteInner(const Level *level) {
  if (level->query->hasModifyingCTE) RewriteModifyingCtes(level);
  pg::WalkQuery(level->query, InnerWalker, const_cast<Level *>(level));
  CheckModifyingCtes(level->query);
}

void BecomeLeaf(Query *query, const Level *level, Reachable reachable) {
  const Query before = *query;
  List *targets = DeliveredTargets(query);
  List *arguments = NIL;
  Query *arm = pg::Copy(query);
  PrintAll(arm);
  plan::Fragment *fragment = MakeFragment(arm, nullptr, level, reachable, &arguments);
  *query = *SelectFromLeaf(MakeLeaf(fragment, arguments, reachable.prunes, NamesOf(targets)), targets);
  query->queryId = before.queryId;
  query->canSetTag = before.canSetTag;
  query->stmt_location = before.stmt_location;
  query->stmt_len = before.stmt_len;
}

void Rewrite(Query *query, const Level *parent) {
  if (query->commandType != CMD_SELECT || !HasManagedTables(query)) return;
  LocatedQuery located(query);
  const QueryLocus locus = located.Whole();
  const bool readable = !locus.whole || AreReadable(DeliveredTargets(query), query);
  const locus::Reason cut = locus::WhyNotAlone(located.translation()->Root(), *locus.located, readable);
  if (cut == locus::Reason::None) {
    const Level whole = {query, parent, true, parent == nullptr ? locus::Reason::None : parent->cut};
    BecomeLeaf(query, &whole, {locus.located->prunes.known, locus.prunes});
    const Level leaf = {query, parent, false};
    RewriteInner(&leaf);
    return;
  }
  const Level level = {query, parent, false, cut};
  if (query->setOperations == nullptr) {
    Scope *scope = located.CutScope();
    if (Decorrelate(query, scope->conjuncts)) return Rewrite(query, parent);
    if (!SplitUpper(&level, scope)) CutParts(&level, scope);
  }
  RewriteInner(&level);
}

}  // namespace altius::planner
