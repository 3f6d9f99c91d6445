// SPDX-License-Identifier: PostgreSQL
// Writes of a reference table's copies (core/copies/way.hpp has the idea).
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/core/copies/way.hpp"
#include "altius/plan/fragment.hpp"
#include "altius/remote/connection.hpp"

extern "C" {
#include "utils/relcache.h"
}

namespace altius::task {

/// What the table says of a statement that changes it. `triggers`: bits of Trigger.tgtype of the row triggers that matter.
core::CopyStatement DescribeCopies(Relation shell, bool inserts_only, int16 triggers);
plan::Copies CopiesFor(core::CopyStatement statement, Relation shell);

struct CopyWrite {
  const catalog::Table* table;
  core::CopyLock lock;
  bool locks_leader;
  bool carried;  // what the leading copy changes is replayed on the others
  uint64 owner;  // of what is done on nodes
};

/// For a statement with this plan, in this transaction.  A copy without others is not watched.  Refuses (FEATURE_NOT_SUPPORTED) what
/// would have to be carried between partitions.
CopyWrite WriteOf(const catalog::Table& table, const plan::Copies& copies, uint64 owner);

/// The group whose copy leads.
inline int LeadingGroup(const catalog::Table& table) { return table.shards[0].groups[0]; }

/// Rows are locked on the copy that leads; but who changes this node's copy for another node locks them here: the leading copy's are
/// locked by the transaction's own session there.  So it is when a foreign key's action reaches tables of this node alone.
bool LocksOwnCopy(const catalog::Table& table);

/// What comes in front of a statement on the group's copy: it is locked, or (the leading one) what the statement changes is kept.
/// On another node nothing is waited for: the answer is the request's.  Null: there is nothing to wait for.
remote::Request* BeginCopy(const CopyWrite& write, int group);

/// Locks the copies as a statement on all of them does, which is not carried.
void LockCopies(const CopyWrite& write);

/// Fetches what the leading copy has kept since BeginCopy, for `affected` rows, and does the same on the others.
void CarryChanges(const CopyWrite& write, int64 affected);

/// --- looking at a copy on this node as a whole ---

struct CopyDigest {
  int64 rows;
  const char* hash;  // of the rows, in whatever order
};

/// The copy of the shard on this node, locked as a writer locks it.
Oid ClaimCopy(int64 shard);

/// These keep writers away until the end of the transaction.
CopyDigest DigestOfCopy(int64 shard);
/// Calls `each` with every row, a text.
void RowsOfCopy(int64 shard, void (*each)(void* context, Datum row), void* context);

/// Takes rows out and puts rows in; no trigger fires, no foreign key is followed.
void MendCopy(int64 shard, const pg::Array<const char*>& extra, const pg::Array<const char*>& missing);

}  // namespace altius::task
