// SPDX-License-Identifier: PostgreSQL
// Small helpers on PostgreSQL nodes that its macros can't give to C++.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "nodes/nodeFuncs.h"
#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
}

namespace altius::pg {

/// copyObject with the type kept (the macro needs typeof, which C++ lacks).
template <typename T>
T *Copy(const T *node) {
  return static_cast<T *>(copyObjectImpl(node));
}

template <typename T>
Node *AsNode(T *node) {
  return reinterpret_cast<Node *>(node);
}

/// The range table entry with this index (from 1).
inline RangeTblEntry *Rte(const List *range_table, int index) {
  return static_cast<RangeTblEntry *>(list_nth(range_table, index - 1));
}

/// SET (a, b) = (SELECT ...): an entry of the target list holds the subquery (null: another entry), and a Param in those of the
/// columns (paramkind PARAM_MULTIEXPR) says which subquery, and which of its columns.
inline SubLink *MultiSubLink(const TargetEntry *target) {
  if (!IsA(target->expr, SubLink)) return nullptr;
  auto *link = reinterpret_cast<SubLink *>(target->expr);
  return link->subLinkType == MULTIEXPR_SUBLINK ? link : nullptr;
}
inline int MultiLinkId(const Param *param) { return param->paramid >> 16; }
inline int MultiColumn(const Param *param) { return param->paramid & 0xFFFF; }

/// varchar(value, n, false): the length of an assignment, which raises an error where a cast would cut the value off.
inline bool IsStrictLengthCoercion(Node *node) {
  if (!IsA(node, FuncExpr)) return false;
  auto *call = reinterpret_cast<FuncExpr *>(node);
  if (call->funcformat == COERCE_EXPLICIT_CALL || list_length(call->args) != 3) return false;
  auto *is_explicit = static_cast<Node *>(lthird(call->args));
  if (!IsA(is_explicit, Const) || !exprIsLengthCoercion(node, nullptr)) return false;
  auto *constant = reinterpret_cast<Const *>(is_explicit);
  return constant->consttype == BOOLOID && !DatumGetBool(constant->constvalue);
}

/// A record, or an array of records: which fields it has is known to who made it.
inline bool IsAnonymousRow(Oid type) { return type == RECORDOID || type == RECORDARRAYOID; }

}  // namespace altius::pg
