// SPDX-License-Identifier: PostgreSQL
// UPDATE ... SET (a, b) = (SELECT x, y ...) where a SELECT computes the new values: PostgreSQL has no such thing there.  The
// subquery is run once for each row, beside the target, and delivers one row value whose fields the columns get.
#include "multi_assign.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "local_merge.hpp"
#include "shipping.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

namespace {

/// Where the subquery of an assignment went; a Param says which one it belongs to, and which of its columns it is.
struct Assignment {
  int link;
  int rti;
};

Query *SelectOne(Expr *expr, const char *name) {
  auto *query = makeNode(Query);
  query->commandType = CMD_SELECT;
  query->querySource = QSRC_ORIGINAL;
  query->canSetTag = true;
  query->targetList = list_make1(makeTargetEntry(expr, 1, pstrdup(name), false));
  query->jointree = makeFromExpr(NIL, nullptr);
  return query;
}

/// SELECT ROW(c1, ...) FROM (subselect)
Query *RowOf(Query *subselect) {
  auto *row = makeNode(RowExpr);
  row->row_typeid = RECORDOID;
  row->row_format = COERCE_EXPLICIT_CALL;
  row->location = -1;
  ListCell *cell;
  foreach (cell, subselect->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    target->resname = psprintf("f%d", target->resno);
    row->args = lappend(row->args, ColumnLike(pg::AsNode(target->expr), 1, target->resno));
    row->colnames = lappend(row->colnames, makeString(pstrdup(target->resname)));
  }
  Query *query = SelectOne(reinterpret_cast<Expr *>(row), "r");
  query->rtable = list_make1(SubqueryEntry(subselect, "altius_values"));
  query->jointree->fromlist = list_make1(RefTo(1));
  return query;
}

/// SELECT (the row) AS r OFFSET 0, which keeps the planner from running it once for each column.
Query *OnceForEachRow(SubLink *link) {
  auto *subselect = reinterpret_cast<Query *>(link->subselect);
  IncrementVarSublevelsUp(pg::AsNode(subselect), 2, 1);
  auto *value = makeNode(SubLink);
  value->subLinkType = EXPR_SUBLINK;
  value->subselect = pg::AsNode(RowOf(subselect));
  value->location = -1;
  Query *query = SelectOne(reinterpret_cast<Expr *>(value), "r");
  query->hasSubLinks = true;
  query->limitOption = LIMIT_OPTION_COUNT;
  query->limitOffset =
      pg::AsNode(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false, FLOAT8PASSBYVAL));
  return query;
}

Node *FieldForParam(Node *node, void *data) {
  if (!IsA(node, Param)) return nullptr;
  auto *param = reinterpret_cast<Param *>(node);
  auto *assignment = static_cast<Assignment *>(data);
  if (param->paramkind != PARAM_MULTIEXPR || pg::MultiLinkId(param) != assignment->link) return nullptr;
  auto *field = makeNode(FieldSelect);
  field->arg = reinterpret_cast<Expr *>(makeVar(assignment->rti, 1, RECORDOID, -1, InvalidOid, 0));
  field->fieldnum = static_cast<AttrNumber>(pg::MultiColumn(param));
  field->resulttype = param->paramtype;
  field->resulttypmod = param->paramtypmod;
  field->resultcollid = param->paramcollid;
  return pg::AsNode(field);
}

}  // namespace

void SpellMultiAssignments(Query *update) {
  List *targets = NIL;
  List *links = NIL;
  ListCell *cell;
  foreach (cell, update->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (pg::MultiSubLink(target) != nullptr) {
      links = lappend(links, target->expr);
    } else {
      targets = lappend(targets, target);
    }
  }
  foreach (cell, links) {
    auto *link = lfirst_node(SubLink, cell);
    Assignment assignment = {link->subLinkId, list_length(update->rtable) + 1};
    RangeTblEntry *entry = SubqueryEntry(OnceForEachRow(link), "altius_assigned");
    entry->lateral = true;
    update->rtable = lappend(update->rtable, entry);
    update->jointree->fromlist = lappend(update->jointree->fromlist, RefTo(assignment.rti));
    targets = reinterpret_cast<List *>(ReplaceInExpr(pg::AsNode(targets), FieldForParam, &assignment));
  }
  update->targetList = targets;
}

}  // namespace altius::planner
