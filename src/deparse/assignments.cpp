// SPDX-License-Identifier: PostgreSQL
#include "assignments.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/tlist.h"
}

namespace altius::deparse {

namespace {

constexpr int kColumnBits = 16;  // of a Param's number; those above are the subquery's

/// An assignment of a column of a subquery.
struct Part {
  TargetEntry *target;
  int number;  // of the subquery and the column; 0: none
  int count;   // more than one: to parts of a column
};

bool FindParam(Node *node, void *data) {
  if (node == nullptr) return false;
  if (!IsA(node, Param)) return pg::Walk(node, FindParam, data);
  auto *param = reinterpret_cast<Param *>(node);
  auto *part = static_cast<Part *>(data);
  if (param->paramkind != PARAM_MULTIEXPR) return false;
  part->number = param->paramid;
  part->count++;
  return false;
}

SubLink *SubqueryOf(const TargetEntry *target) {
  if (!IsA(target->expr, SubLink)) return nullptr;
  auto *link = reinterpret_cast<SubLink *>(target->expr);
  return link->subLinkType == MULTIEXPR_SUBLINK ? link : nullptr;
}

int ColumnCount(const SubLink *link) {
  return count_nonjunk_tlist_entries(reinterpret_cast<Query *>(link->subselect)->targetList);
}

void AppendColumns(const SubLink *link, const pg::Array<Part> &parts, List **ordered) {
  int found = 0;
  for (int column = 1; column <= ColumnCount(link); column++) {
    for (const Part &part : parts) {
      if (part.count != 1 || part.number != (link->subLinkId << kColumnBits | column)) continue;
      *ordered = lappend(*ordered, part.target);
      found++;
    }
  }
  if (found == ColumnCount(link)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("a subquery can't assign several parts of one column of a distributed or reference table"),
                  errhint("Assign the whole column, or each part with a subquery of its own.")));
}

}  // namespace

void OrderAssignments(List **targets) {
  pg::Array<Part> parts;
  List *ordered = NIL, *subqueries = NIL;
  ListCell *cell;
  foreach (cell, *targets) {
    Part part = {lfirst_node(TargetEntry, cell), 0, 0};
    FindParam(reinterpret_cast<Node *>(part.target->expr), &part);
    if (SubqueryOf(part.target) != nullptr) {
      subqueries = lappend(subqueries, part.target);
    } else if (part.count == 0) {
      ordered = lappend(ordered, part.target);
    } else {
      parts.push_back(part);
    }
  }
  if (subqueries == NIL) return;
  foreach (cell, subqueries) AppendColumns(SubqueryOf(lfirst_node(TargetEntry, cell)), parts, &ordered);
  *targets = list_concat(ordered, subqueries);
}

}  // namespace altius::deparse
