// SPDX-License-Identifier: PostgreSQL
// MERGE into a managed table: the source's rows are computed by any plan and go to the shards, in one piece for each, where the
// statement takes them as its source.  A row can only match in the shard of the value that ON compares the distribution column
// with, and that is also the value a row to insert has: so each shard decides by itself.  Where that is not so: merge_by_rows.cpp.
#include "ship_merge.hpp"

#include "altius/core/locus/merge.hpp"
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
#include "catalog/pg_type.h"
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

bool IsKeyOfTarget(const Merge &merge, Node *expr) {
  if (!IsA(expr, Var)) return false;
  auto *var = reinterpret_cast<Var *>(expr);
  return static_cast<int>(var->varno) == merge.target && var->varattno == merge.shipping->table->key && var->varlevelsup == 0;
}

/// Without the casts that nobody has written.
Node *WithoutCasts(Expr *expr) { return Canonical(strip_implicit_coercions(pg::AsNode(expr))); }

/// The operand of such a cast that never fails and gives an equal value: of numbers, PostgreSQL's implicit ones only widen.
Node *Widened(Node *expr) {
  if (!IsA(expr, FuncExpr)) return nullptr;
  auto *call = reinterpret_cast<FuncExpr *>(expr);
  if (call->funcformat != COERCE_IMPLICIT_CAST || list_length(call->args) != 1 || call->funcresulttype == NAMEOID) return nullptr;
  auto *operand = static_cast<Node *>(linitial(call->args));
  Oid function = InvalidOid;
  const bool implicit = find_coercion_pathway(call->funcresulttype, exprType(operand), COERCION_IMPLICIT, &function) ==
                        COERCION_PATH_FUNC;
  return implicit && function == call->funcid && HashAlike(exprType(operand), call->funcresulttype) ? operand : nullptr;
}

/// Without those of them that change nothing.
Node *Unchanged(Expr *expr) {
  Node *value = Canonical(pg::AsNode(expr));
  for (Node *operand = Widened(value); operand != nullptr; operand = Widened(value)) value = Canonical(operand);
  return value;
}

/// As a value of the distribution column's type; null where it has another one.  No domain checks it: it is only compared.
Expr *AsKey(const Merge &merge, Expr *key) {
  const Oid type = getBaseType(get_atttype(merge.shipping->table->relid, merge.shipping->table->key));
  return reinterpret_cast<Expr *>(coerce_to_target_type(nullptr, pg::AsNode(pg::Copy(key)), exprType(pg::AsNode(key)), type, -1,
                                                        COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1));
}

/// The value of the distribution column in the row that the action makes; null: it has none.
Expr *KeyAssigned(const Merge &merge, const MergeAction *action) {
  ListCell *cell;
  foreach (cell, action->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == merge.shipping->table->key) return target->expr;
  }
  return nullptr;
}

/// --- what core/locus needs to know ---

/// What ON says the distribution column is equal to.
struct Comparisons {
  List *values;  // of Expr
  locus::List<locus::MergeComparison> described;
};

Comparisons ComparisonsOf(const Merge &merge) {
  const catalog::Table &table = *merge.shipping->table;
  Comparisons all = {NIL, {}};
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(*pg::MergeCondition(merge.query)))) {
    Node *left, *right;
    Meaning meaning;
    if (table.key == 0 || !EqualitySides(static_cast<Node *>(lfirst(cell)), &left, &right, &meaning)) continue;
    if (IsKeyOfTarget(merge, right)) std::swap(left, right);
    if (!IsKeyOfTarget(merge, left)) continue;
    auto *value = reinterpret_cast<Expr *>(right);
    locus::MergeComparison comparison;
    comparison.of_key_sense = meaning == MeaningOfType(table.key_type, table.key_collation);
    comparison.reads_target = Mentions(right, merge.target);
    comparison.repeatable = !contain_volatile_functions(right);
    comparison.sendable = AsKey(merge, value) != nullptr;
    all.values = lappend(all.values, value);
    all.described.Add(merge.scope->translation->tree.arena, comparison);
  }
  return all;
}

locus::MergeAction Describe(const Merge &merge, const MergeAction *action, const Comparisons &comparisons) {
  using Described = locus::MergeAction;
  const locus::Arena &arena = merge.scope->translation->tree.arena;
  Described described;
  described.kind = action->commandType == CMD_INSERT   ? Described::Kind::Insert
                   : action->commandType == CMD_UPDATE ? Described::Kind::Update
                   : action->commandType == CMD_DELETE ? Described::Kind::Delete
                                                       : Described::Kind::Nothing;
  described.row = pg::IsForMissingSource(action) ? Described::Row::LoneTarget
                  : pg::IsForMatch(action)       ? Described::Row::Matched
                                                 : Described::Row::LoneSource;
  Expr *assigned = KeyAssigned(merge, action);
  described.assigns_key = assigned != nullptr;
  if (assigned == nullptr) return described;
  described.keeps_key = IsKeyOfTarget(merge, WithoutCasts(assigned));
  ListCell *cell;
  foreach (cell, comparisons.values) {
    auto *value = static_cast<Expr *>(lfirst(cell));
    const int number = foreach_current_index(cell);
    if (equal(Unchanged(assigned), Unchanged(value))) described.exactly.Add(arena, number);
    if (equal(WithoutCasts(assigned), WithoutCasts(value))) described.converted.Add(arena, number);
  }
  return described;
}

/// In terms of the rows' query.
Expr *OfRows(const Merge &merge, Expr *expr) {
  Expr *copy = pg::Copy(expr);
  ChangeVarNodes(pg::AsNode(copy), merge.source, kSourceOfRows, 0);
  return copy;
}

/// By which the rows find their shards.
void AddKey(Merge *merge, Expr *key) {
  Shipping *shipping = merge->shipping;
  Expr *value = OfRows(*merge, AsKey(*merge, key));
  shipping->ship.key_column = AddRowColumn(shipping, value) - 1;
  ListCell *cell;
  foreach (cell, merge->query->mergeActionList) {
    if (lfirst_node(MergeAction, cell)->commandType == CMD_INSERT) return;
  }
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
  if (expr == nullptr) return true;
  locus::MergeExpression expression;
  expression.by_shard = IsForShard(merge, expr);
  expression.reads_target = Mentions(expr, merge.target);
  expression.always = always;
  expression.harmless = always || expression.by_shard || IsHarmless(expr);
  return locus::PlaceOf(expression) != locus::MergePlace::Neither;
}

/// The expression as a shard can compute it.  What needs other rows, or may not be the same twice, is computed with the
/// source's row.
Expr *Fit(Merge *merge, Expr *expr) {
  if (expr == nullptr) return nullptr;
  Node *node = pg::AsNode(expr);
  if (IsForShard(*merge, node)) return reinterpret_cast<Expr *>(SpellConstants(merge->shipping, node, kByRows));
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
  if (!Fits(merge, action->qual, false)) return false;
  ListCell *cell;
  foreach (cell, action->targetList) {
    Node *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    if (!VisitAssigned(&expr, [&](Node **part, AssignedPart) { return Fits(merge, *part, false); })) return false;
  }
  return true;
}

bool AllFit(const Merge &merge) {
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    if (!ActionFits(merge, lfirst_node(MergeAction, cell))) return false;
  }
  foreach (cell, merge.query->returningList) {
    if (!Fits(merge, pg::AsNode(lfirst_node(TargetEntry, cell)->expr), false)) return false;
  }
  return ConditionFits(merge);
}

/// What core/locus says of the statement.
struct Decision {
  bool by_shards;     // each row of the source concerns one shard, which can decide by itself:
  Expr *key;          // that of this value; null where there is but one
  Bitmapset *keeping;  // numbers (from 1) of the actions that leave each row in its shard
};

Decision Decide(const Merge &merge) {
  const Comparisons comparisons = ComparisonsOf(merge);
  locus::List<locus::MergeAction> actions;
  Decision decision = {false, nullptr, nullptr};
  ListCell *cell;
  foreach (cell, merge.query->mergeActionList) {
    actions.Add(merge.scope->translation->tree.arena, Describe(merge, lfirst_node(MergeAction, cell), comparisons));
    if (!locus::UpdateKeepsKey(comparisons.described, actions[actions.size() - 1])) continue;
    decision.keeping = bms_add_member(decision.keeping, foreach_current_index(cell) + 1);
  }
  if (merge.shipping->table->key == 0) {
    decision.by_shards = locus::OneShardMerges(actions) && AllFit(merge);
    return decision;
  }
  const int route = locus::RouteOfMerge(comparisons.described, actions);
  if (route == locus::kNone) return decision;
  decision.key = static_cast<Expr *>(list_nth(comparisons.values, route));
  decision.by_shards = AllFit(merge);
  return decision;
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

/// Rows that the view does not show match nothing; that is all there is to say where they count only when they match.
void JoinTargetConditions(Query *merge) {
  Node **conditions = pg::MergeTargetConditions(merge);
  if (conditions == nullptr || *conditions == nullptr) return;
  List *all = make_ands_implicit(reinterpret_cast<Expr *>(*pg::MergeCondition(merge)));
  all = list_concat(make_ands_implicit(reinterpret_cast<Expr *>(*conditions)), all);
  *pg::MergeCondition(merge) = pg::AsNode(make_ands_explicit(all));
  *conditions = nullptr;
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
  if (!HasActionForMissingSource(query)) JoinTargetConditions(query);
  Merge merge = {shipping, query, query->resultRelation, list_length(query->rtable), ScopeOfValues(query)};
  const Decision decision = Decide(merge);
  if (!decision.by_shards) {
    ShipMergeByRows(shipping, merge.source, decision.keeping);
    return;
  }
  shipping->rows = RowsOfSource(merge);
  ListCell *cell;
  foreach (cell, pg::Rte(query->rtable, merge.source)->subquery->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    AddRowColumn(shipping, reinterpret_cast<Expr *>(ColumnLike(pg::AsNode(target->expr), kSourceOfRows, target->resno)));
  }
  if (decision.key != nullptr) AddKey(&merge, decision.key);
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
