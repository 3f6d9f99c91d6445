// SPDX-License-Identifier: PostgreSQL
// A statement that runs with rights that a view lends, as the bytes that its ticket is for: the statement, its arguments, the user
// and the database.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace altius::task {

struct Claim {
  const char *sql;
  bool modifies;
  const char *target;  // a role (lending.hpp); empty: none
  bool unread;         // as in Lending
  int count;
  const Oid *types;
  const char *const *values;  // null pointer: SQL null
};

/// The bytes of the claim, made by the current user in this database; no two claims have the same.
StringInfo BytesOf(const Claim &claim);

}  // namespace altius::task
