// SPDX-License-Identifier: PostgreSQL
// Values as text that every node reads in the same way, whatever DateStyle and the like are in this session.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "access/tupdesc.h"
}

namespace altius::pg {

/// Output functions called before the matching end write portable text, and literals in statements are read as such.  An error
/// in between undoes it by itself.
int BeginPortableText();
void EndPortableText(int level);

/// Rows travel in arrays, in which NULL means null whatever array_nulls is in this session.  To be ended like portable text.
int BeginNullsInArrays();
/// Values of some types are printed as names (regclass): portable with their schemas only, for which BeginTextWithNames sees to at
/// some cost.  It is ended like portable text.
bool TextNamesObjects(Oid type);
bool TextNamesObjects(TupleDesc columns);
int BeginTextWithNames();
inline int BeginPortableText(bool with_names) { return with_names ? BeginTextWithNames() : BeginPortableText(); }

/// SQL has no word for a subquery that is a security barrier: in texts for shards it has an alias that begins so.
inline constexpr const char *kBarrierAlias = "altius_barrier";

/// An array literal of texts (null pointers: nulls).
const char *ArrayText(const char *const *values, int count);

/// SQL of ours means the same in every session: portable text, and PostgreSQL's relations, functions and operators are found
/// although the search path, or the temporary schema, has others in front of them.  To be ended like portable text.
int BeginOwnSql();

}  // namespace altius::pg
