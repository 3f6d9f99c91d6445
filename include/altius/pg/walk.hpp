// SPDX-License-Identifier: PostgreSQL
// PostgreSQL's tree walkers and mutators with one C++ signature for all versions.
#pragma once

#include "altius/pg/compat_walk.hpp"

namespace altius::pg {

using Walker = bool (*)(Node *node, void *context);
using Mutator = Node *(*)(Node *node, void *context);

inline bool Walk(Node *node, Walker walker, void *context) {
  return expression_tree_walker(node, ALTIUS_WALKER(walker), context);
}
inline bool WalkQuery(Query *query, Walker walker, void *context, int flags = 0) {
  return query_tree_walker(query, ALTIUS_WALKER(walker), context, flags);
}
inline bool WalkRangeTable(List *range_table, Walker walker, void *context, int flags = 0) {
  return range_table_walker(range_table, ALTIUS_WALKER(walker), context, flags);
}
inline bool WalkRaw(Node *node, Walker walker, void *context) {
  return raw_expression_tree_walker(node, ALTIUS_WALKER(walker), context);
}
inline Node *Mutate(Node *node, Mutator mutator, void *context) {
  return expression_tree_mutator(node, ALTIUS_MUTATOR(mutator), context);
}
inline Query *MutateQuery(Query *query, Mutator mutator, void *context, int flags = 0) {
  return query_tree_mutator(query, ALTIUS_MUTATOR(mutator), context, flags);
}

inline bool WalkStates(PlanState *state, bool (*walker)(PlanState *, void *), void *context) {
  return planstate_tree_walker(state, ALTIUS_WALKER(walker), context);
}

}  // namespace altius::pg
