// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::task {

/// Which rights a statement on shards runs with.
struct Lending {
  bool needed = false;      // not the user's own: they were checked on the asking node (lent_rights.hpp)
  Oid target = InvalidOid;  // whose rights and policies hold for the table that is changed, if it has row security
};

}  // namespace altius::task
