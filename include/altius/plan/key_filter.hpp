// SPDX-License-Identifier: PostgreSQL
// Plan data: keys of one side of a hash join, sent along with the statements of a fragment that delivers rows of the other side.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/plannodes.h"
}

namespace altius::plan {

/// As many are compared one by one, so that an index may find them.
inline constexpr int kMostComparedKeys = 100;

/// Rows of the fragment whose column is none of the keys find nothing in the join, so they need not come.
struct KeyFilter {
  bool of_scan;   // the keys are those of the other side, which a fragment delivers that is small
  int node;       // plan_node_id of the hash join, or of that fragment's scan
  int key;        // attribute of the rows in its hash table, or of the scan
  int column;     // of the fragment
  Oid type;       // of the keys
  Oid equality;   // column = key
  int most_keys;  // with more of them the filter is not worth it
};

/// Adds it to a planned fragment scan.
void AddKeyFilter(CustomScan* scan, const KeyFilter& filter);

/// Of a scan that others get keys from.
void GiveKeys(CustomScan* scan);

KeyFilter KeyFilterOf(const List* filter);

}  // namespace altius::plan
