// SPDX-License-Identifier: PostgreSQL
// Query trees to SQL text with slots for shard names.
//
// PostgreSQL's own deparser writes the text once; raw_parser says where each relation stands in it (RangeVar.location is an
// exact byte offset), so literals and names can't be mistaken for one another.  It is not asked where nothing can be mistaken: the
// query reads one table, whose name stands in the text once.  A shard costs one string join.
#pragma once

#include "altius/plan/fragment.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::deparse {

/// The query as SQL that any node understands: only names of pg_catalog are unqualified.  Changes `query` (aliases).  The oids of its
/// relations are appended to *relations, each as often as the query names it.
char *QueryText(Query *query, List **relations = nullptr);

/// That text, split at the relations that Altius manages; their oids are appended to *tables (each once).  `prefix` stands in front
/// of the text, unparsed.
plan::Template TemplateOf(Query *query, List **tables, const char *prefix = "");

}  // namespace altius::deparse
