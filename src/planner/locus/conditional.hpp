// SPDX-License-Identifier: PostgreSQL
// Where an expression is evaluated for some rows only, or perhaps not at all (CASE, COALESCE, AND, OR, FILTER): what the asking
// node computes beforehand must not raise an error, nor have effects, that PostgreSQL would not have reached.
#pragma once

#include "altius/pg/node.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
}

namespace altius::planner {

/// What has to hold for a place in an expression to be reached.
struct Guards {
  List *conditions;       // of Node, without columns: all are true
  bool by_rows;           // rows decide, too
  const List *conjuncts;  // of the WHERE or ON that the place is in
  Node *self;             // the conjunct that it is in

  bool IsConditional() const { return conditions != NIL || by_rows; }
};

enum class Guard : uint8_t { True, NotTrue, NotFalse, Null };

/// What comes next is reached only if the condition turned out so.
void AddGuard(Guards *guards, Node *condition, Guard guard);

/// CASE WHEN conditions THEN expr END, the conjuncts beside it that need no rows being conditions, too.
Node *Guarded(const Guards &guards, Node *expr);

/// Whether computing it may raise an error that depends on values, or have effects.
bool MayRaise(Node *expr);

namespace conditional {

template <typename Visit>
void VisitList(List *exprs, Guards *guards, Guard guard, const Visit &visit) {
  ListCell *cell;
  foreach (cell, exprs) {
    Node *condition = static_cast<Node *>(lfirst(cell));
    visit(reinterpret_cast<Node **>(&lfirst(cell)));
    AddGuard(guards, condition, guard);
  }
}

template <typename Expr_>
Node **Slot(Expr_ **expr) {
  return reinterpret_cast<Node **>(expr);
}

template <typename Visit>
void VisitCase(CaseExpr *expr, Guards *guards, const Visit &visit) {
  if (expr->arg != nullptr) {
    visit(Slot(&expr->arg));
    guards->by_rows = true;  // the conditions speak of its value
  }
  ListCell *cell;
  foreach (cell, expr->args) {
    auto *when = lfirst_node(CaseWhen, cell);
    Node *condition = pg::AsNode(when->expr);
    visit(Slot(&when->expr));
    const Guards before = *guards;
    AddGuard(guards, condition, Guard::True);
    visit(Slot(&when->result));
    *guards = before;
    AddGuard(guards, condition, Guard::NotTrue);
  }
  visit(Slot(&expr->defresult));
}

template <typename Call, typename Visit>
void VisitFiltered(Call *call, Guards *guards, const Visit &visit) {
  Node *filter = pg::AsNode(call->aggfilter);
  visit(Slot(&call->aggfilter));
  AddGuard(guards, filter, Guard::True);
  visit(Slot(&call->args));
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
      conditional::VisitList(reinterpret_cast<CoalesceExpr *>(node)->args, guards, Guard::Null, visit);
      break;
    case T_BoolExpr: {
      auto *junction = reinterpret_cast<BoolExpr *>(node);
      if (junction->boolop == NOT_EXPR) return false;
      conditional::VisitList(junction->args, guards, junction->boolop == AND_EXPR ? Guard::NotFalse : Guard::NotTrue, visit);
      break;
    }
    case T_Aggref: {
      auto *call = reinterpret_cast<Aggref *>(node);
      if (call->aggfilter == nullptr) return false;
      visit(conditional::Slot(&call->aggdirectargs));
      conditional::VisitFiltered(call, guards, visit);
      break;
    }
    case T_WindowFunc: {
      auto *call = reinterpret_cast<WindowFunc *>(node);
      if (call->aggfilter == nullptr) return false;
      conditional::VisitFiltered(call, guards, visit);
      break;
    }
    default:
      return false;
  }
  *guards = before;
  return true;
}

}  // namespace altius::planner
