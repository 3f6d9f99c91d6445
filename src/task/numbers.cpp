// SPDX-License-Identifier: PostgreSQL
#include "numbers.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/type_parts.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::task {

namespace {

bool IsMadeOfNumbers(Oid type) { return pg::IsMadeOf(type, pg::IsObjectNumber); }
bool IsMadeOfEnums(Oid type) {
  return pg::IsMadeOf(type, [](Oid part) { return type_is_enum(part); });
}

/// By the order in which the values were listed.
constexpr Oid kByOrderOfEnum[] = {F_ENUM_EQ, F_ENUM_NE, F_ENUM_LT, F_ENUM_GT, F_ENUM_LE,
                                  F_ENUM_GE, F_ENUM_CMP, F_ENUM_SMALLER, F_ENUM_LARGER};

bool GoesByOrderOfEnum(Oid function) {
  for (const Oid known : kByOrderOfEnum) {
    if (function == known) return true;
  }
  return false;
}

/// A record may have anything in it.
bool MayHideNumbers(Oid type) { return type == RECORDOID || type == RECORDARRAYOID; }

bool CallShowsNumber(Oid function, const List *arguments, Oid result) {
  if (IsMadeOfNumbers(result)) return true;
  ListCell *cell;
  foreach (cell, arguments) {
    const Oid type = exprType(static_cast<Node *>(lfirst(cell)));
    if (IsMadeOfNumbers(type) || MayHideNumbers(type)) return true;
    if (IsMadeOfEnums(type) && !GoesByOrderOfEnum(function)) return true;
  }
  return false;
}

bool CastShowsNumber(const RelabelType &cast) {
  return IsMadeOfNumbers(exprType(pg::AsNode(cast.arg))) != IsMadeOfNumbers(cast.resulttype);
}

}  // namespace

bool ShowsNumber(Node *node) {
  switch (nodeTag(node)) {
    case T_RelabelType:
      return CastShowsNumber(*reinterpret_cast<RelabelType *>(node));
    case T_FuncExpr: {
      const auto *call = reinterpret_cast<FuncExpr *>(node);
      return CallShowsNumber(call->funcid, call->args, call->funcresulttype);
    }
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr: {
      const auto *operation = reinterpret_cast<OpExpr *>(node);
      return CallShowsNumber(get_opcode(operation->opno), operation->args, operation->opresulttype);
    }
    case T_ScalarArrayOpExpr: {
      const auto *operation = reinterpret_cast<ScalarArrayOpExpr *>(node);
      return CallShowsNumber(get_opcode(operation->opno), operation->args, BOOLOID);
    }
    case T_MinMaxExpr:  // by the order of its type
      return IsMadeOfNumbers(reinterpret_cast<MinMaxExpr *>(node)->minmaxtype);
    default:
      return false;
  }
}

}  // namespace altius::task
