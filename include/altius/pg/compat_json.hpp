// SPDX-License-Identifier: PostgreSQL
// Expressions of SQL/JSON: constructors since 16, JSON_VALUE, JSON_QUERY and JSON_EXISTS since 17.
#pragma once

#include "altius/pg/node.hpp"

extern "C" {
#include "nodes/primnodes.h"
}

namespace altius::pg {

/// What JSON_VALUE and the like are computed from; null: it has none.
struct JsonQueryParts {
  Node** document;  // null: nothing else is computed
  Node** path;
  Node** passing;   // a list
  Node** on_empty;  // the default where nothing is found,
  Node** on_error;  // or what is found is not what it should be
};

#if PG_VERSION_NUM >= 170000

inline bool IsJsonQuery(const Node* node) { return IsA(node, JsonExpr); }

inline JsonQueryParts PartsOfJsonQuery(Node* node) {
  auto* query = reinterpret_cast<JsonExpr*>(node);
  Node** on_empty = query->on_empty == nullptr ? nullptr : &query->on_empty->expr;
  Node** on_error = query->on_error == nullptr ? nullptr : &query->on_error->expr;
  return {&query->formatted_expr, &query->path_spec, reinterpret_cast<Node**>(&query->passing_values), on_empty, on_error};
}

#else

inline bool IsJsonQuery(const Node*) { return false; }
inline JsonQueryParts PartsOfJsonQuery(Node*) { return {}; }

#endif

#if PG_VERSION_NUM >= 160000

/// Whether it may raise an error about the JSON that it makes or looks into.
inline bool ReadsJson(const Node* node) { return IsA(node, JsonConstructorExpr) || IsJsonQuery(node); }

#else

inline bool ReadsJson(const Node*) { return false; }

#endif

}  // namespace altius::pg
