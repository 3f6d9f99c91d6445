// SPDX-License-Identifier: PostgreSQL
// The locus of a whole query: can it run as it is on each shard group, and which result columns carry the key?
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "scope.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
}

namespace altius::planner {

namespace {

constexpr QueryLocus kCut = {};

/// Every window of the query partitions by the key.
bool WindowsHaveKey(Query *query, const Scope &scope, const Part &part) {
  ListCell *cell;
  foreach (cell, query->windowClause) {
    if (!HasKey(lfirst_node(WindowClause, cell)->partitionClause, query->targetList, scope, part)) return false;
  }
  return true;
}

/// Grouping, windows, DISTINCT and LIMIT give the same result shard group by shard group as over all rows.
bool IsUpperLocal(Query *query, const Scope &scope, const Part &part) {
  if (part.reach == Reach::Replicated || IsPinned(scope, part)) return true;
  if (query->limitCount != nullptr || query->limitOffset != nullptr || query->groupingSets != NIL) return false;
  // Users rely on the order of a subquery even where SQL does not promise it.
  if (query->sortClause != NIL) return false;
  const bool grouped = query->hasAggs || query->groupClause != NIL || query->havingQual != nullptr;
  if (grouped && !HasKey(query->groupClause, query->targetList, scope, part)) return false;
  if (!WindowsHaveKey(query, scope, part)) return false;
  return query->distinctClause == NIL || HasKey(query->distinctClause, query->targetList, scope, part);
}

bool AreUpperExprsShippable(Query *query, const Scope &scope, const Part *part) {
  return IsShippable(pg::AsNode(query->targetList), scope, part) && IsShippable(query->havingQual, scope, part) &&
         IsShippable(query->limitCount, scope, part) && IsShippable(query->limitOffset, scope, part) &&
         IsShippable(pg::AsNode(query->windowClause), scope, part);
}

List *KeyColumns(Query *query, const Scope &scope, const Part &part) {
  List *result = NIL;
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    const int found = scope.equalities.Find(pg::AsNode(target->expr));
    if (scope.equalities.Same(found, part.key)) result = lappend_int(result, target->resno);
  }
  return result;
}

QueryLocus AnalyzePlain(const Level *level) {
  Query *query = level->query;
  const Scope &scope = *AnalyzeFrom(level);
  if (!IsWhole(scope)) return kCut;
  QueryLocus locus = {};
  locus.reach = Reach::Replicated;
  if (scope.parts.empty()) {
    locus.whole = AreUpperExprsShippable(query, scope, nullptr);
    return locus;
  }
  const Part &part = *scope.parts[0];
  if (!bms_is_subset(part.lateral, part.rels)) return kCut;
  if (!AreUpperExprsShippable(query, scope, &part) || !IsUpperLocal(query, scope, part)) return kCut;
  locus.whole = true;
  locus.reach = part.reach;
  locus.colocation = part.colocation;
  locus.single = part.single;
  locus.pruned = part.pruned;
  locus.prunes = part.prunes;
  locus.has_tables = part.has_tables;
  if (part.key >= 0) {
    locus.pins = scope.equalities.Constants(part.key);
    locus.key_columns = KeyColumns(query, scope, part);
  }
  return locus;
}

List *IntersectInts(List *a, List *b) {
  List *result = NIL;
  ListCell *cell;
  foreach (cell, a) {
    if (list_member_int(b, lfirst_int(cell))) result = lappend_int(result, lfirst_int(cell));
  }
  return result;
}

QueryLocus CombineArms(SetOperationStmt *operation, const QueryLocus &left, const QueryLocus &right) {
  if (!left.whole || !right.whole || left.reach != right.reach) return kCut;
  QueryLocus locus = left;
  locus.has_tables = left.has_tables || right.has_tables;
  if (left.reach == Reach::Replicated) return locus;
  if (left.colocation != right.colocation || left.single != right.single) return kCut;
  locus.key_columns = IntersectInts(left.key_columns, right.key_columns);
  locus.pins = list_intersection(left.pins, right.pins);
  if (operation->op != SETOP_EXCEPT) {
    locus.pruned = left.pruned && right.pruned;
    locus.prunes = locus.pruned ? list_concat_unique(list_copy(left.prunes), right.prunes) : NIL;
  }
  const bool together = left.single || locus.pins != NIL || locus.key_columns != NIL;
  const bool union_all = operation->op == SETOP_UNION && operation->all;
  return union_all || together ? locus : kCut;
}

QueryLocus AnalyzeArms(const Level *level, Node *node) {
  if (IsA(node, RangeTblRef)) {
    RangeTblEntry *rte = pg::Rte(level->query->rtable, reinterpret_cast<RangeTblRef *>(node)->rtindex);
    return AnalyzeQuery(rte->subquery, level);
  }
  auto *operation = castNode(SetOperationStmt, node);
  return CombineArms(operation, AnalyzeArms(level, operation->larg), AnalyzeArms(level, operation->rarg));
}

QueryLocus AnalyzeSetOperation(const Level *level) {
  Query *query = level->query;
  QueryLocus locus = AnalyzeArms(level, query->setOperations);
  if (!locus.whole) return kCut;
  // Pins of the arms are one level deeper than this query.
  List *pins = NIL;
  ListCell *cell;
  foreach (cell, locus.pins) {
    if (!HasVars(static_cast<Node *>(lfirst(cell)))) pins = lappend(pins, lfirst(cell));
  }
  locus.pins = pins;
  const bool limited = query->limitCount != nullptr || query->limitOffset != nullptr;
  const bool one_place = locus.reach == Reach::Replicated || locus.single || pins != NIL;
  return (limited || query->sortClause != NIL) && !one_place ? kCut : locus;
}

bool OrQuals(Node *conjunct, const Scope &scope, const Part &part, List **values);

bool ValueOfKey(Node *left, Node *right, const Scope &scope, const Part &part, List **values) {
  if (!scope.equalities.Same(scope.equalities.Find(left), part.key)) return false;
  if (!IsLevelConstant(right) || HasVars(right)) return false;
  *values = lappend(*values, right);
  return true;
}

/// Values that the key must have for the conjunct to hold; false when it says nothing about the key.
bool KeyValues(Node *conjunct, const Scope &scope, const Part &part, List **values) {
  Node *left, *right;
  if (EqualitySides(conjunct, &left, &right)) {
    return ValueOfKey(left, right, scope, part, values) || ValueOfKey(right, left, scope, part, values);
  }
  if (IsA(conjunct, ScalarArrayOpExpr)) {
    auto *any = reinterpret_cast<ScalarArrayOpExpr *>(conjunct);
    Node *column = Canonical(static_cast<Node *>(linitial(any->args)));
    if (!any->useOr || !IsA(column, Var) || !IsKeyEquality(any->opno, column)) return false;
    return ValueOfKey(column, static_cast<Node *>(lsecond(any->args)), scope, part, values);
  }
  return OrQuals(conjunct, scope, part, values);
}

bool OrQuals(Node *conjunct, const Scope &scope, const Part &part, List **values) {
  if (!IsA(conjunct, BoolExpr)) return false;
  auto *expr = reinterpret_cast<BoolExpr *>(conjunct);
  ListCell *cell;
  if (expr->boolop == AND_EXPR) {
    foreach (cell, expr->args) {
      if (KeyValues(static_cast<Node *>(lfirst(cell)), scope, part, values)) return true;
    }
    return false;
  }
  if (expr->boolop != OR_EXPR) return false;
  List *all = NIL;
  foreach (cell, expr->args) {
    if (!KeyValues(static_cast<Node *>(lfirst(cell)), scope, part, &all)) return false;
  }
  *values = list_concat(*values, all);
  return true;
}

}  // namespace

bool HasKey(List *clauses, List *target_list, const Scope &scope, const Part &part) {
  if (part.key < 0) return false;
  ListCell *cell;
  foreach (cell, clauses) {
    auto *clause = static_cast<SortGroupClause *>(lfirst(cell));
    Node *expr = get_sortgroupclause_expr(clause, target_list);
    if (scope.equalities.Same(scope.equalities.Find(expr), part.key)) return true;
  }
  return false;
}

void DerivePrunes(const Scope &scope, Part *part) {
  if (part->reach != Reach::Hashed || part->single || part->key < 0) return;
  ListCell *cell;
  foreach (cell, scope.equalities.Constants(part->key)) {
    auto *constant = static_cast<Node *>(lfirst(cell));
    if (HasVars(constant)) continue;
    part->pruned = true;
    part->prunes = list_make1(constant);
    return;
  }
  if (part->pruned) return;
  foreach (cell, part->quals) {
    List *values = NIL;
    if (!KeyValues(static_cast<Node *>(lfirst(cell)), scope, *part, &values)) continue;
    part->pruned = true;
    part->prunes = values;
    return;
  }
}

QueryLocus AnalyzeQuery(Query *query, const Level *parent) {
  if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->hasRecursive) return kCut;
  const Level level = {query, parent, true};
  if (query->setOperations != nullptr) return AnalyzeSetOperation(&level);
  return AnalyzePlain(&level);
}

}  // namespace altius::planner
