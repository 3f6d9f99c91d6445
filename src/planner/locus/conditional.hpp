// SPDX-License-Identifier: PostgreSQL
// Where an expression is evaluated for some rows only, or perhaps not at all (CASE, COALESCE, AND, OR, FILTER): what the asking
// node computes beforehand must not raise an error, nor have effects, that PostgreSQL would not have reached.
#pragma once

#include "altius/core/evaluation/reached.hpp"
#include "altius/pg/compat_json.hpp"
#include "altius/pg/node.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
}

namespace altius::planner {

namespace evaluation = core::evaluation;

/// What has to hold for a place in an expression to be reached.
struct Guards {
  List *conditions;       // of Node, without columns: all are true
  evaluation::Place place;
  const List *conjuncts;  // of the WHERE or ON that the place is in
  Node *self;             // the conjunct that it is in
};

/// The row decides whether it is reached, as in ON CONFLICT DO UPDATE.
inline constexpr evaluation::Place kByRows = {.guarded = false, .by_rows = true};

/// RETURNING: of a row for which ON CONFLICT does nothing there is none.
inline evaluation::Place PlaceOfReturning(const Query *query) {
  return {.guarded = false, .by_rows = query->onConflict != nullptr, .needs_row = true};
}

/// What comes next is reached only if the condition turned out so.
void AddGuard(Guards *guards, Node *condition, evaluation::Guard guard);

/// CASE WHEN conditions THEN expr END, the conjuncts beside it that need no rows being the first ones.
Node *Guarded(const Guards &guards, Node *expr);

/// Whether computing it may raise an error that depends on values, or have effects.
bool MayRaise(Node *expr);

/// A scalar subquery that may have more rows than one, which is an error; whether values of its type make an array of another type.
bool MayHaveSeveralRows(Node *expr);
bool CanBeArray(Node *expr);

namespace conditional {

using evaluation::Following;
using evaluation::Shape;

template <typename Visit>
void VisitList(List *exprs, Guards *guards, Shape shape, const Visit &visit) {
  ListCell *cell;
  foreach (cell, exprs) {
    Node *condition = static_cast<Node *>(lfirst(cell));
    visit(reinterpret_cast<Node **>(&lfirst(cell)));
    AddGuard(guards, condition, evaluation::GuardOf(shape, Following::Later));
  }
}

template <typename Expr_>
Node **Slot(Expr_ **expr) {
  return reinterpret_cast<Node **>(expr);
}

template <typename Visit>
void VisitCase(CaseExpr *expr, Guards *guards, const Visit &visit) {
  const Shape shape = expr->arg == nullptr ? Shape::Case : Shape::CaseOfValue;
  if (expr->arg != nullptr) {
    Node *value = pg::AsNode(expr->arg);
    visit(Slot(&expr->arg));
    AddGuard(guards, value, evaluation::GuardOf(shape, Following::Next));
  }
  ListCell *cell;
  foreach (cell, expr->args) {
    auto *when = lfirst_node(CaseWhen, cell);
    Node *condition = pg::AsNode(when->expr);
    visit(Slot(&when->expr));
    const Guards before = *guards;
    AddGuard(guards, condition, evaluation::GuardOf(shape, Following::Next));
    visit(Slot(&when->result));
    *guards = before;
    AddGuard(guards, condition, evaluation::GuardOf(shape, Following::Later));
  }
  visit(Slot(&expr->defresult));
}

/// The arguments of an aggregate are computed for rows, if there are any.
template <typename Call, typename Visit>
void VisitFiltered(Call *call, Guards *guards, const Visit &visit) {
  guards->place.needs_row = true;
  if (call->aggfilter != nullptr) {
    Node *filter = pg::AsNode(call->aggfilter);
    visit(Slot(&call->aggfilter));
    AddGuard(guards, filter, evaluation::GuardOf(Shape::Filtered, Following::Later));
  }
  visit(Slot(&call->args));
}

/// (a, b) < (c, d) looks at b and d where a = c.
template <typename Visit>
void VisitRows(RowCompareExpr *expr, Guards *guards, const Visit &visit) {
  ListCell *left, *right;
  forboth(left, expr->largs, right, expr->rargs) {
    Node *first = static_cast<Node *>(lfirst(left));
    visit(reinterpret_cast<Node **>(&lfirst(left)));
    visit(reinterpret_cast<Node **>(&lfirst(right)));
    AddGuard(guards, first, evaluation::GuardOf(Shape::InTurn, Following::Later));
  }
}

/// There are no subscripts for an array that is null.
template <typename Visit>
void VisitSubscripts(SubscriptingRef *expr, Guards *guards, const Visit &visit) {
  Node *array = pg::AsNode(expr->refexpr);
  visit(Slot(&expr->refexpr));
  AddGuard(guards, array, evaluation::GuardOf(Shape::InTurn, Following::Later));
  visit(Slot(&expr->refupperindexpr));
  visit(Slot(&expr->reflowerindexpr));
  visit(Slot(&expr->refassgnexpr));
}

/// Nothing is looked for in what is null; defaults are computed where nothing is found, or it is not what it should be.
template <typename Visit>
void VisitJsonQuery(const pg::JsonQueryParts &parts, Guards *guards, const Visit &visit) {
  Node *document = *parts.document;
  visit(parts.document);
  AddGuard(guards, document, evaluation::GuardOf(Shape::InTurn, Following::Later));
  for (Node **part : {parts.path, parts.passing, parts.on_empty, parts.on_error}) {
    if (part != nullptr) visit(part);
  }
}

}  // namespace conditional

/// Calls visit(Node **child) for each operand of an expression that does not evaluate all of them always, `guards` being what that
/// operand is reached by; false, with nothing visited, for other expressions.
template <typename Visit>
bool VisitGuarded(Node *node, Guards *guards, const Visit &visit) {
  const Guards before = *guards;
  switch (nodeTag(node)) {
    case T_CaseExpr:
      conditional::VisitCase(reinterpret_cast<CaseExpr *>(node), guards, visit);
      break;
    case T_CoalesceExpr:
      conditional::VisitList(reinterpret_cast<CoalesceExpr *>(node)->args, guards, conditional::Shape::Coalesce, visit);
      break;
    case T_BoolExpr: {
      auto *junction = reinterpret_cast<BoolExpr *>(node);
      if (junction->boolop == NOT_EXPR) return false;
      const auto shape = junction->boolop == AND_EXPR ? conditional::Shape::And : conditional::Shape::Or;
      conditional::VisitList(junction->args, guards, shape, visit);
      break;
    }
    case T_Aggref: {
      auto *call = reinterpret_cast<Aggref *>(node);
      visit(conditional::Slot(&call->aggdirectargs));
      conditional::VisitFiltered(call, guards, visit);
      break;
    }
    case T_WindowFunc: {
      auto *call = reinterpret_cast<WindowFunc *>(node);
      conditional::VisitFiltered(call, guards, visit);
      break;
    }
    case T_RowCompareExpr:
      conditional::VisitRows(reinterpret_cast<RowCompareExpr *>(node), guards, visit);
      break;
    case T_SubscriptingRef:
      conditional::VisitSubscripts(reinterpret_cast<SubscriptingRef *>(node), guards, visit);
      break;
    default:
      if (!pg::IsJsonQuery(node)) return false;
      conditional::VisitJsonQuery(pg::PartsOfJsonQuery(node), guards, visit);
  }
  *guards = before;
  return true;
}

/// Whether VisitGuarded visits the operands.
inline bool IsGuarded(Node *node) {
  switch (nodeTag(node)) {
    case T_CaseExpr:
    case T_CoalesceExpr:
    case T_Aggref:
    case T_WindowFunc:
    case T_RowCompareExpr:
    case T_SubscriptingRef:
      return true;
    case T_BoolExpr:
      return reinterpret_cast<BoolExpr *>(node)->boolop != NOT_EXPR;
    default:
      return pg::IsJsonQuery(node);
  }
}

}  // namespace altius::planner
