// SPDX-License-Identifier: PostgreSQL
#include "assignments.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/tlist.h"
#include "utils/rel.h"
}

namespace altius::deparse {

namespace {

/// --- one column, several parts ---

bool IsElement(const Expr *expr) {
  return IsA(expr, SubscriptingRef) && reinterpret_cast<const SubscriptingRef *>(expr)->refassgnexpr != nullptr;
}

/// The value that the assignment starts from: it may be one of other parts.
Expr *BaseOf(const Expr *expr) {
  if (IsElement(expr)) return reinterpret_cast<const SubscriptingRef *>(expr)->refexpr;
  return IsA(expr, FieldStore) ? reinterpret_cast<const FieldStore *>(expr)->arg : nullptr;
}

/// The column itself.
Expr *ColumnOf(Expr *expr) {
  for (Expr *base = BaseOf(expr); base != nullptr; base = BaseOf(expr)) expr = base;
  return expr;
}

Expr *FieldOf(const FieldStore *store, int index, Expr *column) {
  auto *part = makeNode(FieldStore);
  part->arg = column;
  part->newvals = list_make1(list_nth(store->newvals, index));
  part->fieldnums = list_make1_int(list_nth_int(store->fieldnums, index));
  part->resulttype = store->resulttype;
  return reinterpret_cast<Expr *>(part);
}

/// An expression for each part that is assigned, the earlier ones first.
List *PartsOf(Expr *expr) {
  Expr *base = BaseOf(expr);
  if (base == nullptr) return NIL;
  Expr *column = ColumnOf(base);
  List *parts = PartsOf(base);
  if (IsElement(expr)) {
    auto *part = makeNode(SubscriptingRef);
    *part = *reinterpret_cast<SubscriptingRef *>(expr);
    part->refexpr = column;
    return lappend(parts, part);
  }
  const auto *store = reinterpret_cast<FieldStore *>(expr);
  for (int i = 0; i < list_length(store->newvals); i++) parts = lappend(parts, FieldOf(store, i, column));
  return parts;
}

Expr *AsDomain(const CoerceToDomain *domain, Expr *part) {
  if (domain == nullptr) return part;
  auto *coerced = makeNode(CoerceToDomain);
  *coerced = *domain;
  coerced->arg = part;
  return reinterpret_cast<Expr *>(coerced);
}

/// The entry, or one for each part of its column that it assigns.
List *Split(TargetEntry *target) {
  Expr *expr = target->expr;
  CoerceToDomain *domain = nullptr;
  if (IsA(expr, CoerceToDomain) && BaseOf(reinterpret_cast<CoerceToDomain *>(expr)->arg) != nullptr) {
    domain = reinterpret_cast<CoerceToDomain *>(expr);
    expr = domain->arg;
  }
  List *parts = PartsOf(expr), *targets = NIL;
  if (list_length(parts) < 2) return list_make1(target);
  ListCell *cell;
  foreach (cell, parts) {
    TargetEntry *part = flatCopyTargetEntry(target);
    part->expr = AsDomain(domain, static_cast<Expr *>(lfirst(cell)));
    targets = lappend(targets, part);
  }
  return targets;
}

/// --- one subquery, several columns ---

struct Assignment {
  TargetEntry *target;
  const Param *param;  // null: it comes from no subquery
};

bool FindParam(Node *node, void *data) {
  if (node == nullptr) return false;
  if (!IsA(node, Param)) return pg::Walk(node, FindParam, data);
  auto *param = reinterpret_cast<Param *>(node);
  if (param->paramkind == PARAM_MULTIEXPR) static_cast<Assignment *>(data)->param = param;
  return false;
}

void AppendColumns(const SubLink *link, const pg::Array<Assignment> &assignments, List **ordered) {
  const int count = count_nonjunk_tlist_entries(reinterpret_cast<Query *>(link->subselect)->targetList);
  for (int column = 1; column <= count; column++) {
    for (const Assignment &assignment : assignments) {
      if (pg::MultiLinkId(assignment.param) == link->subLinkId && pg::MultiColumn(assignment.param) == column)
        *ordered = lappend(*ordered, assignment.target);
    }
  }
}

void Order(List **targets) {
  pg::Array<Assignment> from_subqueries;
  List *ordered = NIL, *subqueries = NIL;
  ListCell *cell;
  foreach (cell, *targets) {
    Assignment assignment = {lfirst_node(TargetEntry, cell), nullptr};
    FindParam(reinterpret_cast<Node *>(assignment.target->expr), &assignment);
    if (pg::MultiSubLink(assignment.target) != nullptr) {
      subqueries = lappend(subqueries, assignment.target);
    } else if (assignment.param == nullptr) {
      ordered = lappend(ordered, assignment.target);
    } else {
      from_subqueries.push_back(assignment);
    }
  }
  if (subqueries == NIL) return;
  foreach (cell, subqueries) AppendColumns(pg::MultiSubLink(lfirst_node(TargetEntry, cell)), from_subqueries, &ordered);
  *targets = list_concat(ordered, subqueries);
}

}  // namespace

void SpellAssignments(List **targets) {
  List *split = NIL;
  ListCell *cell;
  foreach (cell, *targets) split = list_concat(split, Split(lfirst_node(TargetEntry, cell)));
  *targets = split;
  Order(targets);
}

namespace {

bool IsAssigned(const List *targets, AttrNumber column) {
  ListCell *cell;
  foreach (cell, targets) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == column) return true;
  }
  return false;
}

TargetEntry *AsDefault(const FormData_pg_attribute &column) {
  auto *value = makeNode(SetToDefault);
  value->typeId = column.atttypid;
  value->typeMod = column.atttypmod;
  value->collation = column.attcollation;
  return makeTargetEntry(reinterpret_cast<Expr *>(value), column.attnum, pstrdup(NameStr(column.attname)), false);
}

}  // namespace

void SpellGenerated(const Query *query, List **targets) {
  const RangeTblEntry *rte = pg::Rte(query->rtable, query->resultRelation);
  const Bitmapset *assigned = pg::AssignedColumns(query, rte);
  // Nothing else is assigned, so it can only be this.
  const bool any = count_nonjunk_tlist_entries(*targets) == 0;
  const Relation relation = table_open(rte->relid, NoLock);
  const TupleDesc columns = RelationGetDescr(relation);
  List *defaults = NIL;
  for (int i = 0; i < columns->natts; i++) {
    const FormData_pg_attribute &column = *TupleDescAttr(columns, i);
    if (column.attgenerated == 0 || IsAssigned(*targets, column.attnum)) continue;
    const bool named = bms_is_member(column.attnum - FirstLowInvalidHeapAttributeNumber, assigned);
    if (named || (any && assigned == nullptr)) defaults = lappend(defaults, AsDefault(column));
  }
  table_close(relation, NoLock);
  *targets = list_concat(defaults, *targets);
}

}  // namespace altius::deparse
