// SPDX-License-Identifier: PostgreSQL
// What the recorder writes, each in a transaction of its own.  Nothing here owns memory outside of
// its memory context: errors are left to the caller.
#pragma once

#include "altius/pg/array.hpp"
#include "shared.hpp"

namespace altius::ha {

/// What was stored of a group: by this server, or by the primary that it copies.
struct StoredGroup {
  int group;
  core::Whereabouts at;
};
/// Returned in palloc'd memory.
pg::Array<StoredGroup> ReadStored();

/// The group's rows in this server's pg_dist_node, and what was verified.  False: come again.
bool StoreAddress(const GroupStatus& status);

/// On the coordinator: adds the group to the cluster if it is not there.
bool AddMissingGroup(const GroupStatus& status);

/// On the coordinator: secondaries in pg_dist_node are the standbys that there are.
bool RegisterStandbys(const GroupStatus& status);

}  // namespace altius::ha
