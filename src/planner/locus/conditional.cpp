// SPDX-License-Identifier: PostgreSQL
#include "conditional.hpp"

#include <algorithm>
#include <string_view>

#include "altius/pg/compat_json.hpp"
#include "altius/pg/walk.hpp"
#include "equality.hpp"

extern "C" {
#include "access/transam.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

/// Not marked as leakproof, but without errors for the values that they are given in practice.
constexpr std::string_view kQuiet[] = {
    "array_agg", "avg", "bool_and", "bool_or", "clock_timestamp", "concat", "concat_ws", "count", "current_database",
    "current_query", "current_schema", "current_schemas", "date", "date_eq_timestamp", "date_ge_timestamp", "date_gt_timestamp",
    "date_le_timestamp", "date_lt_timestamp", "date_mi", "date_mi_interval", "date_mii",
    "date_part", "date_pl_interval", "date_pli", "date_trunc", "every", "extract", "interval", "interval_mi",
    "interval_mul", "interval_pl", "interval_pl_timestamptz", "interval_um", "lower", "max", "min", "now",
    "numeric_eq", "numeric_ge", "numeric_gt", "numeric_le", "numeric_lt", "numeric_ne",
    "pg_backend_pid", "pg_has_role", "session_user", "statement_timestamp", "string_agg", "sum", "text", "textcat",
    "time", "timestamp", "timestamp_eq_date", "timestamp_ge_date", "timestamp_gt_date", "timestamp_le_date", "timestamp_lt_date",
    "timestamp_mi", "timestamp_mi_interval", "timestamp_pl_interval", "timestamptz",
    "timestamptz_mi", "timestamptz_mi_interval", "timestamptz_pl_interval", "timezone", "transaction_timestamp",
    "upper", "version",
};
static_assert(std::is_sorted(std::begin(kQuiet), std::end(kQuiet)));

bool IsLoud(Oid function, void *) {
  if (get_func_leakproof(function)) return false;
  if (function >= FirstNormalObjectId) return true;
  const char *name = get_func_name(function);
  // With two arguments it says null of what is not set.
  if (strcmp(name, "current_setting") == 0) return get_func_nargs(function) != 2;
  return !std::binary_search(std::begin(kQuiet), std::end(kQuiet), std::string_view(name));
}

bool LoudWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  switch (nodeTag(node)) {
    case T_NextValueExpr:
    case T_CoerceToDomain:
    case T_XmlExpr:
    case T_RangeTblFunction:
    case T_TableFunc:
      return true;
    case T_Query:
      return reinterpret_cast<Query *>(node)->rowMarks != NIL || pg::WalkQuery(reinterpret_cast<Query *>(node), LoudWalker, context);
    default:
      return pg::ReadsJson(node) || check_functions_in_node(node, IsLoud, nullptr) || pg::Walk(node, LoudWalker, context);
  }
}

bool IsOfThisLevelOnly(Node *node, void *) {
  if (node == nullptr) return false;
  return IsA(node, CaseTestExpr) || IsA(node, Aggref) || IsA(node, WindowFunc) || IsA(node, GroupingFunc) ||
         pg::Walk(node, IsOfThisLevelOnly, nullptr);
}

bool DependsOnRows(Node *condition) {
  return HasVars(condition) || IsOfThisLevelOnly(condition, nullptr) || checkExprHasSubLink(condition) ||
         contain_volatile_functions(condition);
}

Node *Tested(Node *condition, BoolTestType type) {
  auto *test = makeNode(BooleanTest);
  test->arg = reinterpret_cast<Expr *>(condition);
  test->booltesttype = type;
  test->location = -1;
  return pg::AsNode(test);
}

Node *IsNull(Node *value) {
  auto *test = makeNode(NullTest);
  test->arg = reinterpret_cast<Expr *>(value);
  test->nulltesttype = IS_NULL;
  test->location = -1;
  return pg::AsNode(test);
}

/// The other conjuncts that PostgreSQL evaluates once, before all that read rows.
List *GatesOf(const Guards &guards) {
  List *gates = NIL;
  ListCell *cell;
  foreach (cell, guards.conjuncts) {
    auto *conjunct = static_cast<Node *>(lfirst(cell));
    if (conjunct == guards.self) continue;
    const bool by_rows = DependsOnRows(conjunct);
    if (evaluation::IsGate({by_rows, !by_rows && MayRaise(conjunct)})) gates = lappend(gates, Tested(conjunct, IS_TRUE));
  }
  return gates;
}

/// Never null: AND goes on after a null.
Node *TestFor(evaluation::Guard guard, Node *condition) {
  switch (guard) {
    case evaluation::Guard::Null:
      return IsNull(condition);
    case evaluation::Guard::NotTrue:
      return Tested(condition, IS_NOT_TRUE);
    case evaluation::Guard::NotFalse:
      return Tested(condition, IS_NOT_FALSE);
    case evaluation::Guard::True:
    case evaluation::Guard::Unknown:
      break;
  }
  return Tested(condition, IS_TRUE);
}

}  // namespace

void AddGuard(Guards *guards, Node *condition, evaluation::Guard guard) {
  if (condition == nullptr) return;
  const bool by_rows = guard == evaluation::Guard::Unknown || DependsOnRows(condition);
  const evaluation::Condition known = {by_rows, guards->place.by_rows && !by_rows && MayRaise(condition)};
  if (!evaluation::Pass(&guards->place, known, guard)) return;
  guards->conditions = lappend(list_copy(guards->conditions), TestFor(guard, pg::Copy(condition)));
}

Node *Guarded(const Guards &guards, Node *expr) {
  List *conditions = list_concat(GatesOf(guards), guards.conditions);
  if (conditions == NIL) return expr;
  auto *when = makeNode(CaseWhen);
  when->expr = make_ands_explicit(pg::Copy(conditions));
  when->result = reinterpret_cast<Expr *>(expr);
  when->location = -1;
  auto *result = makeNode(CaseExpr);
  result->casetype = exprType(expr);
  result->casecollid = exprCollation(expr);
  result->args = list_make1(when);
  result->defresult = reinterpret_cast<Expr *>(makeNullConst(exprType(expr), exprTypmod(expr), exprCollation(expr)));
  result->location = -1;
  return pg::AsNode(result);
}

namespace {

/// A subquery that can't have more rows than one.
bool IsOneRow(const Query *query) {
  if (query->hasTargetSRFs || query->setOperations != nullptr) return false;
  if (query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL) return true;
  if (query->jointree->fromlist == NIL) return true;
  if (query->limitCount == nullptr || !IsA(query->limitCount, Const)) return false;
  const auto *count = reinterpret_cast<const Const *>(query->limitCount);
  return !count->constisnull && DatumGetInt64(count->constvalue) <= 1 && query->limitOption == LIMIT_OPTION_COUNT;
}

}  // namespace

bool MayHaveSeveralRows(Node *expr) {
  if (!IsA(expr, SubLink) || reinterpret_cast<SubLink *>(expr)->subLinkType != EXPR_SUBLINK) return false;
  return !IsOneRow(castNode(Query, reinterpret_cast<SubLink *>(expr)->subselect));
}

bool CanBeArray(Node *expr) {
  const Oid type = exprType(expr);
  return !OidIsValid(get_element_type(getBaseType(type))) && OidIsValid(get_array_type(type));
}

bool MayRaise(Node *expr) { return LoudWalker(expr, nullptr); }

}  // namespace altius::planner
