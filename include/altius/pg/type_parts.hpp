// SPDX-License-Identifier: PostgreSQL
// What values of a type are made of: elements, fields, bounds.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::pg {

/// Whether the test holds for the type (domains looked through), or for one that values of it are made of.
bool IsMadeOf(Oid type, bool (*test)(Oid type, void *context), void *context);

template <typename Test>
bool IsMadeOf(Oid type, Test test) {
  return IsMadeOf(type, [](Oid part, void *context) -> bool { return (*static_cast<Test *>(context))(part); }, &test);
}

/// Whether values of the type are, or are made of, a domain's.
bool HasDomains(Oid type);

/// regclass and its kin: the value is the number of an object, which other nodes have under another number; its text is a name.
bool IsObjectNumber(Oid type);

}  // namespace altius::pg
