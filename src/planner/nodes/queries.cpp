// SPDX-License-Identifier: PostgreSQL
#include "queries.hpp"

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

}  // namespace altius::planner
