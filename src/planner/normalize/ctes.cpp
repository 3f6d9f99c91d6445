// SPDX-License-Identifier: PostgreSQL
#include "ctes.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

namespace {

struct InlineContext {
  const CommonTableExpr *cte;
  int depth;
};

/// Replaces references to the CTE by its query.
bool InlineWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *context = static_cast<InlineContext *>(data);
  if (IsA(node, Query)) {
    context->depth++;
    pg::WalkQuery(reinterpret_cast<Query *>(node), InlineWalker, data, QTW_EXAMINE_RTES_AFTER);
    context->depth--;
    return false;
  }
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, InlineWalker, data);
  auto *rte = reinterpret_cast<RangeTblEntry *>(node);
  if (rte->rtekind != RTE_CTE || static_cast<int>(rte->ctelevelsup) != context->depth) return false;
  if (strcmp(rte->ctename, context->cte->ctename) != 0) return false;
  auto *query = pg::Copy(reinterpret_cast<Query *>(context->cte->ctequery));
  if (context->depth > 0) IncrementVarSublevelsUp(pg::AsNode(query), context->depth, 1);
  rte->rtekind = RTE_SUBQUERY;
  rte->subquery = query;
  rte->security_barrier = false;
  rte->ctename = nullptr;
  rte->ctelevelsup = 0;
  rte->self_reference = false;
  rte->coltypes = rte->coltypmods = rte->colcollations = NIL;
  // The subquery's columns have names of their own; those that the query around knows are the CTE's.
  rte->alias = makeAlias(rte->eref->aliasname, pg::Copy(rte->eref->colnames));
  return false;
}

/// What PostgreSQL would inline too; see "Common Table Expression Materialization" in its manual.
bool MayInline(const CommonTableExpr *cte) {
  auto *query = reinterpret_cast<Query *>(cte->ctequery);
  if (cte->cterecursive || query->commandType != CMD_SELECT || query->rowMarks != NIL) return false;
  if (cte->ctematerialized == CTEMaterializeAlways) return false;
  if (cte->ctematerialized == CTEMaterializeDefault && cte->cterefcount != 1) return false;
  return !contain_volatile_functions(cte->ctequery);
}

struct CteUse {
  const CommonTableExpr *cte;
  int depth;
};

/// True when somebody but the CTE itself reads it.
bool ReadsCteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *use = static_cast<CteUse *>(data);
  if (static_cast<const void *>(node) == use->cte) return false;
  if (IsA(node, Query)) {
    use->depth++;
    const bool found =
        pg::WalkQuery(reinterpret_cast<Query *>(node), ReadsCteWalker, data, QTW_EXAMINE_RTES_BEFORE);
    use->depth--;
    return found;
  }
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, ReadsCteWalker, data);
  auto *rte = reinterpret_cast<RangeTblEntry *>(node);
  return rte->rtekind == RTE_CTE && static_cast<int>(rte->ctelevelsup) == use->depth &&
         strcmp(rte->ctename, use->cte->ctename) == 0;
}

/// PostgreSQL does not run SELECTs that nobody reads; with a fragment they would go along.  Later ones read earlier ones.
void DropUnreadCtes(Query *query) {
  for (int i = list_length(query->cteList) - 1; i >= 0; i--) {
    auto *cte = static_cast<CommonTableExpr *>(list_nth(query->cteList, i));
    CteUse use = {cte, -1};
    if (reinterpret_cast<Query *>(cte->ctequery)->commandType != CMD_SELECT) continue;
    if (!ReadsCteWalker(pg::AsNode(query), &use)) query->cteList = list_delete_nth_cell(query->cteList, i);
  }
}

}  // namespace

void InlineCtes(Query *query) {
  DropUnreadCtes(query);
  List *kept = NIL;
  ListCell *cell;
  foreach (cell, query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (query->hasRecursive || !MayInline(cte)) {
      kept = lappend(kept, cte);
      continue;
    }
    InlineContext context = {cte, -1};
    InlineWalker(pg::AsNode(query), &context);
  }
  query->cteList = kept;
}

}  // namespace altius::planner
