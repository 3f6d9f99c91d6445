// SPDX-License-Identifier: PostgreSQL
// Set-returning functions in SQL that read managed tables.  PostgreSQL puts their queries in the place of the calls while it plans,
// when nobody looks for managed tables any more: so it is done before.
#include "inline_functions.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/managed.hpp"

extern "C" {
#include "access/transam.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
}

namespace altius::planner {

namespace {

bool IsCandidate(const RangeTblEntry *rte) {
  if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1) return false;
  Node *call = linitial_node(RangeTblFunction, rte->functions)->funcexpr;
  if (!IsA(call, FuncExpr)) return false;
  auto *function = reinterpret_cast<FuncExpr *>(call);
  return function->funcretset && function->funcid >= FirstNormalObjectId;
}

bool CandidateWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) return IsCandidate(reinterpret_cast<RangeTblEntry *>(node));
  if (IsA(node, Query)) {
    return pg::WalkQuery(reinterpret_cast<Query *>(node), CandidateWalker, context, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, CandidateWalker, context);
}

void Inline(PlannerInfo *root, RangeTblEntry *rte);

bool InlineWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    Inline(static_cast<PlannerInfo *>(data), reinterpret_cast<RangeTblEntry *>(node));
    return false;
  }
  if (IsA(node, Query)) {
    return pg::WalkQuery(reinterpret_cast<Query *>(node), InlineWalker, data, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, InlineWalker, data);
}

/// The call becomes a subquery where that reads a managed table; PostgreSQL decides whether it may.
void Inline(PlannerInfo *root, RangeTblEntry *rte) {
  if (!IsCandidate(rte)) return;
  RangeTblEntry *copy = pg::Copy(rte);
  copy->functions = reinterpret_cast<List *>(eval_const_expressions(root, pg::AsNode(copy->functions)));
  Query *query = inline_set_returning_function(root, copy);
  if (query == nullptr) return;
  InlineWalker(pg::AsNode(query), root);
  if (!HasManagedTables(query)) return;
  rte->rtekind = RTE_SUBQUERY;
  rte->subquery = query;
  rte->security_barrier = false;
  rte->functions = NIL;
  rte->funcordinality = false;
  // The query's columns have names of their own; those that the query around knows are the function's.
  rte->alias = makeAlias(rte->eref->aliasname, pg::Copy(rte->eref->colnames));
}

}  // namespace

Query *InlineFunctions(Query *query, InlinedFunctions *inlined) {
  if (!CandidateWalker(pg::AsNode(query), nullptr)) return query;
  auto *global = makeNode(PlannerGlobal);
  auto *root = makeNode(PlannerInfo);
  root->glob = global;
  root->parse = query = pg::Copy(query);
  InlineWalker(pg::AsNode(query), root);
  inlined->dependencies = global->invalItems;
  inlined->depends_on_role = global->dependsOnRole;
  return query;
}

}  // namespace altius::planner
