// SPDX-License-Identifier: PostgreSQL
// SET a[1] = x, c.f = y: the rewriter makes one expression of all assignments to parts of a column, the column's new value.
#pragma once

#include "altius/pg/node.hpp"

extern "C" {
#include "nodes/primnodes.h"
}

namespace altius::planner {

/// Whether the expression is a column with some of its parts replaced.
inline bool IsAssignment(const Node *node) {
  if (node == nullptr) return false;
  if (IsA(node, CoerceToDomain))
    return IsAssignment(reinterpret_cast<const Node *>(reinterpret_cast<const CoerceToDomain *>(node)->arg));
  if (IsA(node, SubscriptingRef)) return reinterpret_cast<const SubscriptingRef *>(node)->refassgnexpr != nullptr;
  return IsA(node, FieldStore);
}

enum class AssignedPart : std::uint8_t { Value, Subscript };

/// Calls visit(Node **, AssignedPart) for what is assigned and the subscripts that say where, in the order in which the parts were
/// written; for an expression that assigns to no part, for it alone.  Ends with false when a call gives false.
template <typename Visit>
bool VisitAssigned(Node **slot, const Visit &visit) {
  if (!IsAssignment(*slot)) return visit(slot, AssignedPart::Value);
  const auto below = [&](Expr **expr) { return VisitAssigned(reinterpret_cast<Node **>(expr), visit); };
  const auto earlier = [&](Expr **base) { return !IsAssignment(pg::AsNode(*base)) || below(base); };
  if (IsA(*slot, CoerceToDomain)) return below(&reinterpret_cast<CoerceToDomain *>(*slot)->arg);
  ListCell *cell;
  if (IsA(*slot, FieldStore)) {
    auto *store = reinterpret_cast<FieldStore *>(*slot);
    if (!earlier(&store->arg)) return false;
    foreach (cell, store->newvals) {
      if (!VisitAssigned(reinterpret_cast<Node **>(&lfirst(cell)), visit)) return false;
    }
    return true;
  }
  auto *element = reinterpret_cast<SubscriptingRef *>(*slot);
  if (!earlier(&element->refexpr)) return false;
  for (List *subscripts : {element->refupperindexpr, element->reflowerindexpr}) {
    foreach (cell, subscripts) {
      if (lfirst(cell) != nullptr && !visit(reinterpret_cast<Node **>(&lfirst(cell)), AssignedPart::Subscript)) return false;
    }
  }
  return below(&element->refassgnexpr);
}

}  // namespace altius::planner
