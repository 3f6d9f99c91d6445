// SPDX-License-Identifier: PostgreSQL
// PostgreSQL's tree walkers and mutators with one C++ signature for all versions.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
}

namespace altius::pg {

using Walker = bool (*)(Node *node, void *context);
using Mutator = Node *(*)(Node *node, void *context);

#if PG_VERSION_NUM < 160000
#define ALTIUS_WALKER(function) reinterpret_cast<bool (*)()>(function)
#define ALTIUS_MUTATOR(function) reinterpret_cast<Node *(*)()>(function)
#else
#define ALTIUS_WALKER(function) (function)
#define ALTIUS_MUTATOR(function) (function)
#endif

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

/// References to join columns replaced by what they stand for.
inline Node *FlattenJoinAliases(Query *query, Node *node) {
#if PG_VERSION_NUM < 160000
  return flatten_join_alias_vars(query, node);
#else
  return flatten_join_alias_vars(nullptr, query, node);
#endif
}

}  // namespace altius::pg
