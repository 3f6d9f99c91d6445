// SPDX-License-Identifier: PostgreSQL
// SQL run in this backend, for code that is not on a hot path.  Results are palloc'd in the
// caller's context.
#pragma once

#include "altius/pg/array.hpp"

namespace altius::pg {

/// Runs one statement; returns the number of rows it processed.
uint64 RunSql(const char* sql);

/// The first column of the first row as text; null for SQL null and for no row.
char* FetchText(const char* sql);

/// The first column of all rows as text (null pointers for nulls).
pg::Array<char*> FetchTexts(const char* sql);

}  // namespace altius::pg
