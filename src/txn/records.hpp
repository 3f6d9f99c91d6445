// SPDX-License-Identifier: PostgreSQL
// The commit records of two-phase commit: a row of pg_dist_transaction for each participant, visible with the local commit.
// They are read with snapshots of their own, never the transaction's: recovery must see what is committed now.
#pragma once

#include "altius/pg/array.hpp"

extern "C" {
#include "utils/snapshot.h"
}

namespace altius::txn {

void InsertRecord(int group, const char* gid);

/// Whether the record is visible to the snapshot.
bool HasRecord(int group, const char* gid, Snapshot snapshot);

/// The groups of participants that have records, as the snapshot sees them.
pg::Array<int> GroupsWithRecords(Snapshot snapshot);

/// Deletes the group's records that the snapshot sees, except `kept` (sorted), and at most `most`; how many went.  Of what it reads
/// nothing stays in memory.
int DeleteRecords(int group, Snapshot snapshot, const pg::Array<const char*>& kept, int most);

}  // namespace altius::txn
