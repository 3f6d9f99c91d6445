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

/// Values that come as texts, and rows in arrays, are read as what they are: NULL is null and a document need not be one, whatever
/// array_nulls and xmloption are in this session.  To be ended like portable text.
int BeginReadingText();
/// Whether the text of such a value, as a user has written it for this session, is read alike so.
bool IsReadAlike(Oid type);
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
