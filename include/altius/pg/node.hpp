// SPDX-License-Identifier: PostgreSQL
// Small helpers on PostgreSQL nodes that its macros can't give to C++.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
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

/// A record, or an array of records: which fields it has is known to who made it.
inline bool IsAnonymousRow(Oid type) { return type == RECORDOID || type == RECORDARRAYOID; }

}  // namespace altius::pg
