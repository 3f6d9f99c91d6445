// SPDX-License-Identifier: PostgreSQL
#include "queries.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/makefuncs.h"
}

namespace altius::planner {

RangeTblRef *RefTo(int rti) {
  auto *ref = makeNode(RangeTblRef);
  ref->rtindex = rti;
  return ref;
}

FromExpr *FromOne(int rti) { return makeFromExpr(list_make1(RefTo(rti)), nullptr); }

Query *SelectFrom(RangeTblEntry *entry) {
  auto *query = makeNode(Query);
  query->commandType = CMD_SELECT;
  query->querySource = QSRC_ORIGINAL;
  query->canSetTag = true;
  query->rtable = list_make1(entry);
  query->jointree = FromOne(1);
  return query;
}

RangeTblEntry *SubqueryEntry(Query *subquery, const char *alias) {
  auto *rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_SUBQUERY;
  rte->subquery = subquery;
  List *visible = NIL;
  ListCell *cell;
  foreach (cell, subquery->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk) visible = lappend(visible, target);
  }
  rte->eref = makeAlias(alias, NamesOf(visible));
  rte->inFromCl = true;
  return rte;
}

List *NamesOf(const List *targets) {
  List *names = NIL;
  ListCell *cell;
  foreach (cell, targets) {
    const char *name = lfirst_node(TargetEntry, cell)->resname;
    names = lappend(names, makeString(pstrdup(name != nullptr ? name : "?column?")));
  }
  return names;
}

List *NumberedNames(int count) {
  List *names = NIL;
  for (int i = 1; i <= count; i++) names = lappend(names, makeString(psprintf("c%d", i)));
  return names;
}

namespace {

bool RaiseCteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  const auto *depth = static_cast<Index *>(data);
  if (IsA(node, RangeTblEntry)) {
    auto *rte = reinterpret_cast<RangeTblEntry *>(node);
    if (rte->rtekind == RTE_CTE && rte->ctelevelsup >= *depth) rte->ctelevelsup++;
    return false;
  }
  if (IsA(node, Query)) {
    Index deeper = *depth + 1;
    return pg::WalkQuery(reinterpret_cast<Query *>(node), RaiseCteWalker, &deeper, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, RaiseCteWalker, data);
}

}  // namespace

void RaiseCtes(Node *expr) {
  Index depth = 0;
  RaiseCteWalker(expr, &depth);
}

void RaiseCtesOf(Query *query) {
  Index depth = 0;
  pg::WalkQuery(query, RaiseCteWalker, &depth, QTW_EXAMINE_RTES_BEFORE);
}

}  // namespace altius::planner
