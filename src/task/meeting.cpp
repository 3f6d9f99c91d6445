// SPDX-License-Identifier: PostgreSQL
#include "altius/task/meeting.hpp"

#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/lock.h"
}

namespace altius::task {

namespace {

constexpr uint16 kMeetingLock = 51;  // a class of LOCKTAG_ADVISORY; users' locks have 1 and 2

/// Everybody leaves a lock that keeps nobody away, to the end of the transaction, as the rows are locked.  Of two who come at once
/// each finds the other.
bool FindNobody(int64 shard) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(shard >> 32), static_cast<uint32>(shard), kMeetingLock);
  (void)LockAcquire(&tag, RowExclusiveLock, false, false);
  int others = 0;
  (void)GetLockConflicts(&tag, ExclusiveLock, &others);
  return others == 0;
}

}  // namespace

class Meeting::Answer final : public remote::RowSink {
 public:
  void Row(const PGresult* result, int row) override { alone = *PQgetvalue(result, row, 0) == 't'; }
  bool alone = true;
};

Meeting* Meeting::Begin(const catalog::Table& table, int group, uint64 owner) {
  auto* meeting = new (palloc0(sizeof(Meeting))) Meeting;
  const int64 shard = table.shards[0].id;
  if (group == catalog::LocalGroup()) {
    meeting->alone_ = FindNobody(shard);
    return meeting;
  }
  meeting->answer_ = new (palloc(sizeof(Answer))) Answer;
  const char* sql = psprintf("SELECT altius_internal.finds_nobody(" INT64_FORMAT ")", shard);
  meeting->request_ = remote::Send(txn::Enlist(group, txn::Access::Write, owner), {.sql = sql, .by_node = true}, meeting->answer_);
  return meeting;
}

bool Meeting::IsAlone() {
  if (request_ == nullptr) return alone_;
  remote::WaitAllQuietly(&request_, 1);
  return request_->failed || answer_->alone;
}

}  // namespace altius::task

/// finds_nobody(shard bigint): whether this transaction is the only one with rows of the shard's table on several nodes.
ALTIUS_NODE_FUNCTION(altius_finds_nobody) { PG_RETURN_BOOL(altius::task::FindNobody(PG_GETARG_INT64(0))); }
