// SPDX-License-Identifier: PostgreSQL
// Query trees to SQL text with slots for shard names.
//
// PostgreSQL's own deparser writes the text once; raw_parser says where each relation stands in it (RangeVar.location is an
// exact byte offset), so literals and names can't be mistaken for one another.  A shard costs one string join.
#pragma once

#include "altius/plan/fragment.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::deparse {

/// The query as SQL that any node understands: only names of pg_catalog are unqualified.  Changes `query` (aliases).
char *QueryText(Query *query);

/// Splits `sql` at its relations that Altius manages and appends their oids to *tables (each once); `prefix` stands in
/// front of the text, unparsed.
plan::Template SplitAtTables(const char *sql, List **tables, const char *prefix = "");

}  // namespace altius::deparse
