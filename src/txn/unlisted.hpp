// SPDX-License-Identifier: PostgreSQL
// Nodes that pg_dist_node does not list, not yet or not any more, and that may hold a part of a transaction all the same:
// recovery asks them too.
#pragma once

#include "altius/pg/array.hpp"

namespace altius::txn {

struct Unlisted {
  int group;
  const char* host;
  int port;
  // How those begin that are looked for, "altius_" for all: of a node that could not be told that it was removed.  Null: of one that
  // was, those that have a record.
  const char* gids;
  bool over;         // no part will be prepared any more
};

/// Those that may still have something, in memory of the caller.
pg::Array<Unlisted> ReadUnlisted();

/// Whether the gid is what the node is asked for.
bool IsLookedFor(const Unlisted& node, const char* gid);

/// Nothing that is looked for is there any more.
void Forget(const Unlisted& node);

/// Those that need not be asked any more.
void ForgetOthers();

}  // namespace altius::txn
