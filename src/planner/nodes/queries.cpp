// SPDX-License-Identifier: PostgreSQL
#include "queries.hpp"

#include "altius/pg/compat_walk.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "optimizer/tlist.h"
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

namespace {

/// The join has all columns of that side: where it is printed, each is looked for.
void AddSide(Query *query, int rti, RangeTblEntry *join, List **numbers) {
  List *names, *columns;
  pg::ColumnsOfEntry(pg::Rte(query->rtable, rti), rti, &names, &columns);
  join->eref->colnames = list_concat(join->eref->colnames, names);
  join->joinaliasvars = list_concat(join->joinaliasvars, columns);
  ListCell *cell;
  foreach (cell, columns) *numbers = lappend_int(*numbers, lfirst_node(Var, cell)->varattno);
}

}  // namespace

JoinExpr *AddJoin(Query *query, JoinType type, int left, int right, Node *condition) {
  auto *entry = makeNode(RangeTblEntry);
  entry->rtekind = RTE_JOIN;
  entry->jointype = type;
  entry->eref = makeAlias("altius_join", NIL);
  entry->inFromCl = true;
  AddSide(query, left, entry, &entry->joinleftcols);
  AddSide(query, right, entry, &entry->joinrightcols);
  query->rtable = lappend(query->rtable, entry);
  auto *join = makeNode(JoinExpr);
  join->jointype = type;
  join->larg = pg::AsNode(RefTo(left));
  join->rarg = pg::AsNode(RefTo(right));
  join->quals = condition;
  join->rtindex = list_length(query->rtable);
  return join;
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

CommonTableExpr *ReadOnce(const char *name, Query *query) {
  auto *cte = makeNode(CommonTableExpr);
  cte->ctename = pstrdup(name);
  cte->ctematerialized = CTEMaterializeAlways;
  cte->ctequery = pg::AsNode(query);
  cte->location = -1;
  ListCell *cell;
  foreach (cell, query->commandType == CMD_SELECT ? query->targetList : query->returningList) {
    Node *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    cte->ctecolnames = lappend(cte->ctecolnames, makeString(pstrdup(lfirst_node(TargetEntry, cell)->resname)));
    cte->ctecoltypes = lappend_oid(cte->ctecoltypes, exprType(expr));
    cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, exprTypmod(expr));
    cte->ctecolcollations = lappend_oid(cte->ctecolcollations, exprCollation(expr));
  }
  return cte;
}

RangeTblEntry *ReadOf(CommonTableExpr *cte, int levels_up) {
  auto *entry = makeNode(RangeTblEntry);
  entry->rtekind = RTE_CTE;
  entry->ctename = pstrdup(cte->ctename);
  entry->ctelevelsup = levels_up;
  entry->coltypes = list_copy(cte->ctecoltypes);
  entry->coltypmods = list_copy(cte->ctecoltypmods);
  entry->colcollations = list_copy(cte->ctecolcollations);
  entry->eref = makeAlias(cte->ctename, pg::Copy(cte->ctecolnames));
  entry->inFromCl = true;
  cte->cterefcount++;
  return entry;
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

bool IsGroupExpr(Query *query, Node *node) {
  ListCell *cell;
  foreach (cell, query->groupClause) {
    auto *clause = lfirst_node(SortGroupClause, cell);
    if (equal(get_sortgroupclause_expr(clause, query->targetList), node)) return true;
  }
  return false;
}

}  // namespace altius::planner
