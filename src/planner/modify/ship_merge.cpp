// SPDX-License-Identifier: PostgreSQL
// MERGE into a managed table: the source's rows are computed by any plan and go to the shards, in one piece for each, where the
// statement takes them as its source.  A row can only match in the shard of the value that ON compares the distribution column
// with, and that is also the value a row to insert has: so each shard decides by itself.  Where that is not so: merge_by_rows.cpp.
#include "ship_merge.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/conditional.hpp"
#include "planner/locus/equality.hpp"
#include "planner/locus/scope.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/assigned.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "local_merge.hpp"
#include "merge_by_rows.hpp"
#include "shipping.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

constexpr int kSourceOfRows = 1;  // its range table index in Shipping::rows

struct Merge {
  Shipping *shipping;
  Query *query;
  int target;  // range table indexes
  int source;
  const Scope *scope;  // that of a shard, where nothing but the target and the shipped rows is
};

bool Mentions(Node *expr, int rti) { return bms_is_member(rti, pull_varnos(nullptr, expr)); }

/// Without the casts that nobody has written.
Node *Bare(Expr *expr) { return Canonical(strip_implicit_coercions(pg::AsNode(expr))); }

bool IsKeyOfTarget(const Merge &merge, Node *expr) {
  if (!IsA(expr, Var)) return false;
  auto *var = reinterpret_cast<Var *>(expr);
  return static_cast<int>(var->varno) == merge.target && var->varattno == merge.shipping->table->key && var->varlevelsup == 0;
}

/// What ON says the distribution column is equal to, as a value of its type; null: nothing that rows could be sent by.
Expr *KeyInCondition(const Merge &merge) {
  const catalog::Table &table = *merge.shipping->table;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(*pg::MergeCondition(merge.query)))) {
    Node *left, *right;
    Meaning meaning;
    if (!EqualitySides(static_cast<Node *>(lfirst(cell)), &left, &right, &meaning)) continue;
    if (meaning != MeaningOfType(table.key_type, table.key_collation)) continue;
    if (IsKeyOfTarget(merge, right)) std::swap(left, right);
    if (IsKeyOfTarget(merge, left) && !Mentions(right, merge.target) && !contain_volatile_functions(right))
      return reinterpret_cast<Expr *>(right);
  }
  return nullptr;
}

/// The value of the distribution column in the row that the action inserts; null: it has none.
Expr *KeyAssigned(const Merge &merge, const MergeAction *action) {
  ListCell *cell;
  foreach (cell, action->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == merge.shipping->table->key) return target->expr;
  }
  return nullptr;
}

/// Whether the rows that the action makes lie where the source's row is compared.
bool KeepsKey(const Merge &merge, const MergeAction *action, Expr *key) {
  Expr *assigned = KeyAssigned(merge, action);
  if (action->commandType == CMD_INSERT) return assigned != nullptr && equal(Bare(assigned), Bare(key));
  if (action->commandType != CMD_UPDATE || assigned == nullptr) return true;
  return IsKeyOfTarget(merge, Bare(assigned)) || equal(Bare(assigned), Bare(key));
}

/// As a value of the distribution column's type; null where it has another one.
Expr *AsKey(const Merge &merge, Expr *key) {
  Oid type, collation;
  int32 typmod;
  get_atttypetypmodcoll(merge.shipping->table->relid, merge.shipping->table->key, &type, &typmod, &collation);
  return reinterpret_cast<Expr *>(coerce_to_target_type(nullptr, pg::AsNode(pg::Copy(key)), exprType(pg::AsNode(key)), type, -1,
                                                        COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1));
}

/// In terms of the rows' query.
Expr *OfRows(const Merge &merge, Expr *expr) {
  Expr *copy = pg::Copy(expr);
  ChangeVarNodes(pg::AsNode(copy), merge.source, kSourceOfRows, 0);
  return copy;
}

/// By which the rows find their shards.
void AddKey(Merge *merge) {
  if (merge->shipping->table->key == 0) return;
  Expr *key = KeyInCondition(*merge);
  Expr *inserted = nullptr;
  ListCell *cell;
  foreach (cell, merge->query->mergeActionList) {
    const auto *action = lfirst_node(MergeAction, cell);
    if (action->commandType == CMD_INSERT) inserted = KeyAssigned(*merge, action);
  }
  Shipping *shipping = merge->shipping;
  Expr *value = OfRows(*merge, inserted != nullptr ? inserted : AsKey(*merge, key));
  shipping->ship.key_column = AddRowColumn(shipping, value) - 1;
  if (inserted != nullptr) return;
  auto *test = makeNode(NullTest);  // a row that matches nothing is not needed
  test->arg = pg::Copy(value);
  test->nulltesttype = IS_NOT_NULL;
  test->location = -1;
  shipping->rows->jointree->quals = pg::AsNode(test);
}

bool IsForShard(const Merge &merge, Node *expr) {
  return !contain_volatile_functions(expr) && IsShippable(expr, *merge.scope, merge.scope->parts[0]);
}

Node *WithoutNextValue(Node *node, void *) {
  const bool call = IsA(node, FuncExpr) && reinterpret_cast<FuncExpr *>(node)->funcid == F_NEXTVAL &&
                    IsA(linitial(reinterpret_cast<FuncExpr *>(node)->args), Const);
  if (!call && !IsA(node, NextValueExpr)) return nullptr;
  return pg::AsNode(makeNullConst(exprType(node), -1, InvalidOid));
}

/// Whether it does no harm to compute it for rows that turn out not to need it.  Sequences have gaps.
bool IsHarmless(Node *expr) {
  return !checkExprHasSubLink(expr) && !MayRaise(ReplaceInExpr(expr, WithoutNextValue, nullptr));
}

/// Whether the expression can be computed by a shard, or with each of the source's rows.
bool Fits(const Merge &merge, Node *expr, bool always) {
  if (expr == nullptr || IsForShard(merge, expr)) return true;
  return !Mentions(expr, merge.target) && (always || IsHarmless(expr));
}

/// The expression as a shard can compute it.  What needs other rows, or may not be the same twice, is computed with the
/// source's row.
Expr *Fit(Merge *merge, Expr *expr) {
  if (expr == nullptr) return nullptr;
  Node *node = pg::AsNode(expr);
  if (IsForShard(*merge, node)) return reinterpret_cast<Expr *>(SpellConstants(merge->shipping, node));
  const int column = AddRowColumn(merge->shipping, OfRows(*merge, expr));
  return reinterpret_cast<Expr *>(ColumnLike(node, merge->source, column));
}

bool ConditionFits(const Merge &merge) {
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(*pg::MergeCondition(merge.query)))) {
    if (!Fits(merge, static_cast<Node *>(lfirst(cell)), true)) return false;
  }
  return true;
}

bool ActionFits(const Merge &merge, const MergeAction *action) {
  if (pg::IsForMissingSource(action) || !Fits(merge, action->qual, false)) return false;
  ListCell *cell;
  foreach (cell, action->targetList) {
    Node *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    if (!VisitAssigned(&expr, [&](Node **part, AssignedPart) { return Fits(merge, *part, false); })) return false;
  }
  return true;
}

/// Whether each row of the source concerns one shard, which can decide by itself.
bool RowsHaveShards(const Merge &merge) {
  Expr *key = merge.shipping->table->key == 0 ? nullptr : KeyInCondition(merge);
  if (merge.shipping->table->key != 0 && (key == nullptr || AsKey(merge, key) == nullptr)) return false;
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    const auto *action = lfirst_node(MergeAction, cell);
    if (!ActionFits(merge, action) || (key != nullptr && !KeepsKey(merge, action, key))) return false;
  }
  foreach (cell, merge.query->returningList) {
    if (!Fits(merge, pg::AsNode(lfirst_node(TargetEntry, cell)->expr), false)) return false;
  }
  return ConditionFits(merge);
}

void FitCondition(Merge *merge) {
  Node **condition = pg::MergeCondition(merge->query);
  List *parts = make_ands_implicit(reinterpret_cast<Expr *>(*condition));
  ListCell *cell;
  foreach (cell, parts) lfirst(cell) = Fit(merge, static_cast<Expr *>(lfirst(cell)));
  *condition = parts == NIL ? pg::AsNode(makeBoolConst(true, false)) : pg::AsNode(make_ands_explicit(parts));
}

void FitAction(Merge *merge, MergeAction *action) {
  action->qual = pg::AsNode(Fit(merge, reinterpret_cast<Expr *>(action->qual)));
  action->override = OVERRIDING_NOT_SET;  // values of identity columns are made here
  ListCell *cell;
  foreach (cell, action->targetList) {
    Node **expr = reinterpret_cast<Node **>(&lfirst_node(TargetEntry, cell)->expr);
    VisitAssigned(expr, [&](Node **part, AssignedPart) {
      *part = pg::AsNode(Fit(merge, reinterpret_cast<Expr *>(*part)));
      return true;
    });
  }
}

/// SELECT c1, ... FROM the source
Query *RowsOfSource(const Merge &merge) {
  auto *rows = makeNode(Query);
  rows->commandType = CMD_SELECT;
  rows->querySource = QSRC_ORIGINAL;
  rows->canSetTag = true;
  rows->cteList = pg::Copy(merge.query->cteList);
  rows->hasModifyingCTE = merge.query->hasModifyingCTE;
  rows->hasRecursive = merge.query->hasRecursive;
  rows->hasSubLinks = merge.query->hasSubLinks;
  rows->rtable = list_make1(pg::Copy(pg::Rte(merge.query->rtable, merge.source)));
  rows->jointree = FromOne(kSourceOfRows);
  return rows;
}

}  // namespace

void ShipMerge(Shipping *shipping) {
  Query *query = shipping->original;
  IsolateSource(query);
  Merge merge = {shipping, query, query->resultRelation, list_length(query->rtable), ScopeOfValues(query)};
  if (!RowsHaveShards(merge)) {
    ShipMergeByRows(shipping, merge.source);
    return;
  }
  shipping->rows = RowsOfSource(merge);
  ListCell *cell;
  foreach (cell, pg::Rte(query->rtable, merge.source)->subquery->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    AddRowColumn(shipping, reinterpret_cast<Expr *>(ColumnLike(pg::AsNode(target->expr), kSourceOfRows, target->resno)));
  }
  AddKey(&merge);
  FitCondition(&merge);
  foreach (cell, query->mergeActionList) FitAction(&merge, lfirst_node(MergeAction, cell));
  foreach (cell, query->returningList) {
    auto *target = lfirst_node(TargetEntry, cell);
    target->expr = Fit(&merge, target->expr);
  }
  shipping->ship.column_count = list_length(shipping->rows->targetList);
  Query *statement = shipping->statement = pg::Copy(query);
  lfirst(list_nth_cell(statement->rtable, merge.source - 1)) = ShippedRows(*shipping, 0);
  statement->cteList = NIL;
}

}  // namespace altius::planner
