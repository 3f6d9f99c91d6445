// SPDX-License-Identifier: PostgreSQL
// Which expressions can be computed beside the data, and which are computed once on the asking node and sent as values.
#include "shippable.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/type_parts.hpp"
#include "altius/pg/walk.hpp"
#include "planner/level.hpp"
#include "planner/nodes/place_calls.hpp"
#include "conditional.hpp"
#include "equality.hpp"
#include "scope.hpp"
#include "stable.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "optimizer/clauses.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

bool IsMutableFunction(Oid function, void *) { return func_volatile(function) != PROVOLATILE_IMMUTABLE; }

/// The nodes have the objects of PostgreSQL and of extensions; of those that users make, only what is noted as distributed.
bool IsOnAllNodes(Oid class_id, Oid object) {
  return object < FirstNormalObjectId || OidIsValid(getExtensionOfObject(class_id, object)) ||
         catalog::IsDistributedObject(class_id, object);
}

bool IsUnshippableFunction(Oid function, void *found_stable) {
  const char volatility = func_volatile(function);
  const bool stable = volatility == PROVOLATILE_STABLE;
  if (stable && found_stable != nullptr) *static_cast<bool *>(found_stable) = true;
  if (volatility == PROVOLATILE_VOLATILE || (stable && !IsSameOnAllNodes(function))) return true;
  return !IsOnAllNodes(ProcedureRelationId, function);
}

/// What can't be the same everywhere; a row, a CASE and the like are walked into.
bool IsCall(Node *node) {
  switch (nodeTag(node)) {
    case T_SQLValueFunction:
    case T_FuncExpr:
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
    case T_ScalarArrayOpExpr:
    case T_RowCompareExpr:
    case T_CoerceViaIO:
    case T_ArrayCoerceExpr:
      return true;
    default:
      return false;
  }
}

bool IsValueSubLink(Node *node) {
  if (!IsA(node, SubLink)) return false;
  const SubLinkType type = reinterpret_cast<SubLink *>(node)->subLinkType;
  return type == EXPR_SUBLINK || type == EXISTS_SUBLINK || type == ARRAY_SUBLINK;
}

bool AreOnAllNodes(const List *operators) {
  ListCell *cell;
  foreach (cell, operators) {
    if (!IsOnAllNodes(OperatorRelationId, lfirst_oid(cell))) return false;
  }
  return true;
}

/// A cast is printed as one; a text search configuration by its name.
bool NamesWhatIsHere(Node *node) {
  switch (nodeTag(node)) {
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
      return !IsOnAllNodes(OperatorRelationId, reinterpret_cast<OpExpr *>(node)->opno);
    case T_ScalarArrayOpExpr:
      return !IsOnAllNodes(OperatorRelationId, reinterpret_cast<ScalarArrayOpExpr *>(node)->opno);
    case T_RowCompareExpr:
      return !AreOnAllNodes(reinterpret_cast<RowCompareExpr *>(node)->opnos);
    case T_CollateExpr:
      return !IsOnAllNodes(CollationRelationId, reinterpret_cast<CollateExpr *>(node)->collOid);
    case T_FuncExpr: {
      auto *call = reinterpret_cast<FuncExpr *>(node);
      const bool cast = call->funcformat == COERCE_EXPLICIT_CAST || call->funcformat == COERCE_IMPLICIT_CAST;
      return cast && call->funcid >= FirstNormalObjectId && !OidIsValid(getExtensionOfObject(ProcedureRelationId, call->funcid));
    }
    case T_Const: {
      auto *constant = reinterpret_cast<Const *>(node);
      if (constant->constisnull || (constant->consttype != REGCONFIGOID && constant->consttype != REGDICTIONARYOID)) return false;
      const Oid class_id = constant->consttype == REGCONFIGOID ? TSConfigRelationId : TSDictionaryRelationId;
      return !IsOnAllNodes(class_id, DatumGetObjectId(constant->constvalue));
    }
    default:
      return false;
  }
}

/// The number of an object, taken from its name, or a name looked for by number: this node's numbers are meant.
bool NumbersObject(Node *node) {
  if (!IsA(node, RelabelType)) return false;
  auto *relabel = reinterpret_cast<RelabelType *>(node);
  const bool before = pg::IsObjectNumber(getBaseType(exprType(pg::AsNode(relabel->arg))));
  return before != pg::IsObjectNumber(getBaseType(relabel->resulttype));
}

bool IsPlainParam(Node *node) {
  if (!IsA(node, Param)) return false;
  const ParamKind kind = reinterpret_cast<Param *>(node)->paramkind;
  return kind == PARAM_EXTERN || kind == PARAM_EXEC;
}

bool MutableWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, SQLValueFunction)) return true;
  if (check_functions_in_node(node, IsMutableFunction, nullptr)) return true;
  return pg::Walk(node, MutableWalker, context);
}

bool AggregateWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Aggref) || IsA(node, GroupingFunc) || IsA(node, WindowFunc) || IsA(node, SetToDefault)) return true;
  if (IsA(node, CaseTestExpr) || IsA(node, CoerceToDomainValue)) return true;
  if (IsA(node, Param) && reinterpret_cast<Param *>(node)->paramkind == PARAM_SUBLINK) return true;
  if (IsA(node, FuncExpr) && reinterpret_cast<FuncExpr *>(node)->funcretset) return true;
  return pg::Walk(node, AggregateWalker, context);
}

}  // namespace

namespace {

/// How array_nulls and xmloption say that a text is read is not said to other nodes: values travel as texts, and would be misread.
bool ReadsTextBySettings(Node *node) {
  if (IsA(node, FuncExpr)) {
    const Oid function = reinterpret_cast<FuncExpr *>(node)->funcid;
    return function == F_XML || function == F_XML_IS_WELL_FORMED;
  }
  if (!IsA(node, CoerceViaIO)) return false;
  const Oid type = getBaseType(reinterpret_cast<CoerceViaIO *>(node)->resulttype);
  return type == XMLOID || OidIsValid(get_element_type(type));
}

/// The names of a row's fields, that of a join's columns say, are not in the text of a row.
bool HasNamedFields(Node *node) {
  if (!IsA(node, RowExpr) || reinterpret_cast<RowExpr *>(node)->row_typeid != RECORDOID) return false;
  ListCell *cell;
  foreach (cell, reinterpret_cast<RowExpr *>(node)->colnames) {
    if (strcmp(strVal(lfirst(cell)), psprintf("f%d", foreach_current_index(cell) + 1)) != 0) return true;
  }
  return false;
}

}  // namespace

bool IsUnshippableCall(Node *node) {
  if (ReadsTextBySettings(node) || NamesWhatIsHere(node) || NumbersObject(node) || HasNamedFields(node)) return true;
  bool stable = false;
  if (check_functions_in_node(node, IsUnshippableFunction, &stable) && !HasSameBodyOnAllNodes(node)) return true;
  if (stable && NamesObjects(node)) return true;
  // An assignment to an array of varchar(n) can only be printed as a cast, which would cut the values off.
  if (IsA(node, ArrayCoerceExpr)) {
    auto *array = reinterpret_cast<ArrayCoerceExpr *>(node);
    return array->coerceformat != COERCE_EXPLICIT_CAST && pg::IsStrictLengthCoercion(pg::AsNode(array->elemexpr));
  }
  // Rows that depend on the node's state would be others on each node.
  if (!IsA(node, FuncExpr)) return false;
  auto *call = reinterpret_cast<FuncExpr *>(node);
  return call->funcretset && func_volatile(call->funcid) != PROVOLATILE_IMMUTABLE;
}

bool MayBeArgument(Node *expr) {
  if (IsPlainParam(expr)) return true;
  if ((!IsCall(expr) && !IsA(expr, SubLink) && !NumbersObject(expr)) || IsLatestCall(expr)) return false;
  if (HasVars(expr) || AggregateWalker(expr, nullptr)) return false;
  if (IsValueSubLink(expr)) return true;
  if (checkExprHasSubLink(expr) || contain_volatile_functions(expr)) return false;
  return NumbersObject(expr) || MutableWalker(expr, nullptr) || check_functions_in_node(expr, IsUnshippableFunction, nullptr);
}

evaluation::Value DescribeValue(Node *argument) {
  evaluation::Value value;
  value.parameter = IsA(argument, Param);
  if (value.parameter) return value;
  value.subquery = IsA(argument, SubLink);
  value.may_raise = MayRaise(argument);
  value.several_rows = MayHaveSeveralRows(argument);
  value.as_array = value.several_rows && CanBeArray(argument);
  const bool call = value.may_raise && IsCall(argument) && !IsA(argument, SQLValueFunction);
  value.there = call && !NamesWhatIsHere(argument) && !IsUnshippableCall(argument);
  return value;
}

bool IsShippable(Node *expr, const Scope &scope, const Part *part) {
  if (expr == nullptr) return true;
  const locus::Condition *condition = scope.translation->Expression(expr);
  return scope.analysis->Ships(*condition, *scope.located, part == nullptr ? nullptr : part->located);
}

}  // namespace altius::planner
