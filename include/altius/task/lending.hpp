// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::task {

/// Which rights a statement on shards runs with.
struct Lending {
  bool needed = false;      // not the user's own: they were checked on the asking node (lent_rights.hpp)
  Oid target = InvalidOid;  // whose rights and policies hold for the table that is changed, if it has row security
  bool unread = false;      // the user's statement does not read that table: policies for SELECT don't hold for its rows, found by ctid
  bool hides_rows = false;  // it writes columns that the user may not read: no error shows a row
};

}  // namespace altius::task
