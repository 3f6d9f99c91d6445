// SPDX-License-Identifier: PostgreSQL
// What tree walks look like on different majors; use altius/pg/walk.hpp.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
}

#if PG_VERSION_NUM < 160000
#define ALTIUS_WALKER(function) reinterpret_cast<bool (*)()>(function)
#define ALTIUS_MUTATOR(function) reinterpret_cast<Node *(*)()>(function)
#else
#define ALTIUS_WALKER(function) (function)
#define ALTIUS_MUTATOR(function) (function)
#endif

namespace altius::pg {

/// What outer joins may have done to the column, but those in `inside` (PostgreSQL 16 on).
inline void CopyNullingRels([[maybe_unused]] Var *to, [[maybe_unused]] const Var *from,
                            [[maybe_unused]] const Bitmapset *inside) {
#if PG_VERSION_NUM >= 160000
  to->varnullingrels = bms_difference(from->varnullingrels, inside);
#endif
}

/// The outer join may make the column null (PostgreSQL 16 on).
inline void NullBy([[maybe_unused]] Var *column, [[maybe_unused]] int join) {
#if PG_VERSION_NUM >= 160000
  column->varnullingrels = bms_add_member(column->varnullingrels, join);
#endif
}

/// The names (String) and columns (Var) of an entry of a range table, without those that were dropped.
inline void ColumnsOfEntry(RangeTblEntry *entry, int rti, List **names, List **columns) {
#if PG_VERSION_NUM >= 180000
  expandRTE(entry, rti, 0, VAR_RETURNING_DEFAULT, -1, false, names, columns);
#else
  expandRTE(entry, rti, 0, -1, false, names, columns);
#endif
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
