// SPDX-License-Identifier: PostgreSQL
#include "acknowledge.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/hang_up.hpp"
#include "altius/remote/lead.hpp"
#include "askers.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "nodes/parsenodes.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

const char* const kUnknownOutcome = "the transaction was committed on a server that may have lost its group";
const char* const kUnknownOutcomeDetail = "Whether the group's primary has it is not known.";
const char* const kUnknownOutcomeHint = "Connect again, and look at the data.";

namespace {

constexpr int kPatienceMs = 10000;  // etcd's next answers take some seconds
constexpr int kPauseMs = 20;

bool wanted = false;  // by what is being committed
int mode = SYNC_REP_WAIT_FLUSH;
uint32 look_event = 0;

/// As commits use them: a backend has the configuration as it was before its statement.
bool AreStandbysAskedFor() {
  const volatile WalSndCtlData* shared_state = WalSndCtl;
#ifdef SYNC_STANDBY_DEFINED
  return (shared_state->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0;
#else
  return shared_state->sync_standbys_defined;
#endif
}

int ModeOf(int level) {
  if (level == SYNCHRONOUS_COMMIT_REMOTE_WRITE) return SYNC_REP_WAIT_WRITE;
  return level == SYNCHRONOUS_COMMIT_REMOTE_APPLY ? SYNC_REP_WAIT_APPLY : SYNC_REP_WAIT_FLUSH;
}

bool IsConfirmed(XLogRecPtr end, int how) {
  LWLockAcquire(SyncRepLock, LW_SHARED);
  const bool confirmed = WalSndCtl->lsn[how] >= end;
  LWLockRelease(SyncRepLock);
  return confirmed;
}

XLogRecPtr PositionOf(const WalSnd* sender, int how) {
  if (how == SYNC_REP_WAIT_WRITE) return sender->write;
  return how == SYNC_REP_WAIT_APPLY ? sender->apply : sender->flush;
}

/// Whether whichever standby Patroni may promote has it.  A Patroni that comes back to a running server may leave
/// synchronous_standby_names empty for long, and names the standbys in etcd as before.
bool HaveNamed(XLogRecPtr end, int how) {
  const remote::NamedSenders standbys = remote::OwnStandbys();
  core::Progress progress[remote::kMaxNamedSenders];
  size_t count = 0;
  for (int i = 0; i < max_wal_senders && standbys.count > 0; i++) {
    WalSnd* sender = &WalSndCtl->walsnds[i];
    SpinLockAcquire(&sender->mutex);
    const int pid = sender->pid;
    const bool streams = sender->state == WALSNDSTATE_STREAMING || sender->state == WALSNDSTATE_STOPPING;
    const XLogRecPtr position = PositionOf(sender, how);
    SpinLockRelease(&sender->mutex);
    const core::NamedSender* last = standbys.senders + standbys.count;
    const bool named = std::any_of(standbys.senders, last, [&](const core::NamedSender& one) { return one.pid == pid; });
    if (pid != 0 && streams && named && count < std::size(progress)) progress[count++] = {pid, position};
  }
  return core::HaveNamed({standbys.senders, static_cast<size_t>(standbys.count)}, standbys.needed, {progress, count}, end);
}

core::SyncWait HowItEnded(XLogRecPtr end) {
  if (!wanted) return core::SyncWait::NotWanted;
  if (IsConfirmed(end, mode)) return core::SyncWait::Confirmed;
  return AreStandbysAskedFor() ? core::SyncWait::Canceled : core::SyncWait::Dropped;
}

/// In a callback that must not be interrupted: only the server's end shortens it.
void Pause() {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPauseMs,
                  pg::NamedWaitEvent(&look_event, "AltiusLeadership"));
  ResetLatch(MyLatch);
}

}  // namespace

void RequireLead() {
  if (core::MayBegin(remote::OwnLead())) return;
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("this server is not the primary of its group any more"),
                  errhint("The transaction is rolled back; run it again on the new primary.")));
}

void NoteSyncWait(Record record) {
  const bool logged = record != Record::Commit || XactLastRecEnd != 0;
  const bool named = SyncRepStandbyNames != nullptr && SyncRepStandbyNames[0] != '\0';  // as this statement has it
  const bool asked = max_wal_senders > 0 && synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH;
  wanted = logged && asked && named && AreStandbysAskedFor();
  mode = ModeOf(synchronous_commit);
  if (record == Record::Prepare) mode = std::min(mode, SYNC_REP_WAIT_FLUSH);
}

Told LookAtCommit(XLogRecPtr end) {
  core::Committed it;
  it.for_node = door::IsNodeSession();
  const uint64 before = remote::Looks();
  const TimestampTz patience = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kPatienceMs);
  it.wait = HowItEnded(end);
  for (;;) {
    // The looks first: what they have found out is in the lead by then.
    it.looks = remote::Looks() - before;
    pg_read_barrier();
    it.lead = remote::OwnLead();
    if (it.wait == core::SyncWait::Dropped) it.has_standby = HaveNamed(end, mode);
    const core::Telling telling = core::MayTell(it);
    if (telling != core::Telling::Look) return {telling, it.wait};
    if (ProcDiePending || GetCurrentTimestamp() >= patience) return {core::Telling::Withhold, it.wait};
    Pause();
    if (IsConfirmed(end, mode)) it.wait = core::SyncWait::Confirmed;
  }
}

bool WaitUntilLasting(TimestampTz deadline) {
  if (RecoveryInProgress()) return false;
  const XLogRecPtr all = GetFlushRecPtr(nullptr);
  const uint64 before = remote::Looks();
  for (;;) {
    const bool asked = AreStandbysAskedFor();
    core::Committed it;
    it.looks = remote::Looks() - before;
    pg_read_barrier();
    it.lead = remote::OwnLead();
    it.wait = asked ? core::SyncWait::Canceled : core::SyncWait::NotWanted;
    if (IsConfirmed(all, SYNC_REP_WAIT_FLUSH)) it.wait = core::SyncWait::Confirmed;
    it.has_standby = !asked && HaveNamed(all, SYNC_REP_WAIT_FLUSH);
    if (core::WillLast(it)) return true;
    const bool may_come = asked || it.lead == core::Lead::Leads;
    if (!may_come || GetCurrentTimestamp() >= deadline) return false;
    CHECK_FOR_INTERRUPTS();
    Pause();
  }
}

void HangUpOnClient() {
  ereport(LOG, (errmsg("a client was not told the outcome of its transaction"),
                errdetail("It is committed here, and the group may have another primary that does not have it.")));
  pg::HangUp(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN, kUnknownOutcome, kUnknownOutcomeDetail, kUnknownOutcomeHint);
}

namespace {

ProcessUtility_hook_type previous_utility = nullptr;

std::optional<Record> EndOfPrepared(const PlannedStmt* planned) {
  if (!IsA(planned->utilityStmt, TransactionStmt)) return std::nullopt;
  const auto kind = castNode(TransactionStmt, planned->utilityStmt)->kind;
  if (kind == TRANS_STMT_COMMIT_PREPARED) return Record::PreparedEnd;
  if (kind == TRANS_STMT_ROLLBACK_PREPARED) return Record::Prepare;
  return std::nullopt;
}

/// In a transaction that has failed it is a ROLLBACK.
void BeforePrepare(const PlannedStmt* planned) {
  if (!IsA(planned->utilityStmt, TransactionStmt) || !IsTransactionState()) return;
  const auto* statement = castNode(TransactionStmt, planned->utilityStmt);
  if (statement->kind == TRANS_STMT_PREPARE) RequireAsker(statement->gid);
}

void BeforeEnd(std::optional<Record> record) {
  if (!record) return;
  RequireLead();
  NoteSyncWait(*record);
}

/// Its own transaction is empty, so it may be ended by an error.
void AfterEnd(bool ends) {
  if (!ends || LookAtCommit(XactLastRecEnd).telling != core::Telling::Withhold) return;
  ereport(FATAL, (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN), errmsg_internal("%s", kUnknownOutcome),
                  errdetail_internal("%s", kUnknownOutcomeDetail), errhint("%s", kUnknownOutcomeHint)));
}

void OnUtility(PlannedStmt* planned, const char* query, bool read_only, ProcessUtilityContext context, ParamListInfo params,
               QueryEnvironment* environment, DestReceiver* dest, QueryCompletion* completion) {
  const std::optional<Record> record = EndOfPrepared(planned);
  pg::Entry([&] {
    BeforePrepare(planned);
    BeforeEnd(record);
  });
  (previous_utility != nullptr ? previous_utility : standard_ProcessUtility)(planned, query, read_only, context, params, environment,
                                                                             dest, completion);
  pg::Entry([&] { AfterEnd(record.has_value()); });
}

}  // namespace

void InitPreparedEnds() {
  previous_utility = ProcessUtility_hook;
  ProcessUtility_hook = OnUtility;
}

}  // namespace altius::txn
