// SPDX-License-Identifier: PostgreSQL
// How a distributed transaction ends.  Before the local commit everything may still fail, and then
// all is rolled back; after it nothing raises, and what could not be finished is left to recovery.
#include "altius/core/txn/commit.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/settings.hpp"
#include "altius/txn/shared.hpp"
#include "acknowledge.hpp"
#include "askers.hpp"
#include "identity.hpp"
#include "participants.hpp"
#include "records.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace altius::txn {

namespace {

constexpr int kEndTimeoutMs = 10000;
int commit_timeout_ms = 60000;

TimestampTz EndDeadline() {
  return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kEndTimeoutMs);
}

/// Every statement has had its answer; a writer that was lost or failed unseen makes the commit
/// fail.
void FinishStatements() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    // A server that lost its group's leadership may still answer; nothing is committed there.
    if (participant->wrote_level > 0) remote::CutIfDeposed(participant->connection);
    if (!remote::IsBroken(participant->connection)) remote::Drain(participant->connection);
    // What was read was read: a reader that is lost afterwards makes no commit fail, unless it had to say that it may.
    const bool needed = participant->wrote_level > 0 || XactIsoLevel == XACT_SERIALIZABLE;
    if (needed && remote::IsBroken(participant->connection)) RaiseLostParticipant(participant);
    remote::RaiseIfUnheard(participant->connection);
  }
}

/// Nobody waits for the end of a reader, except where the node may still say no.
void CommitReaders() {
  for (int i = current.count - 1; i >= 0; i--) {
    Participant* participant = current.participants[i];
    if (participant->wrote_level > 0) continue;
    if (!remote::IsBroken(participant->connection)) {
      remote::Request* request = remote::SendEnd(participant->connection, "COMMIT", true);
      if (XactIsoLevel == XACT_SERIALIZABLE) remote::Wait(request);
    }
    Leave(participant);
  }
}

[[noreturn]] void RaiseRolledBack(const Participant* participant) {
  ereport(ERROR, (errcode(ERRCODE_TRANSACTION_ROLLBACK),
                  errmsg("node %s has rolled the transaction back",
                         remote::NameOf(participant->connection)),
                  errhint("Run the transaction again.")));
  pg_unreachable();
}

/// To COMMIT or PREPARE TRANSACTION, which statement_timeout does not count for.  A server that waits for its disk or its standbys may
/// take long; one that is frozen loses its connection.
void AwaitAnswer(remote::Connection* connection, remote::Request* request) {
  if (remote::WaitBounded(request, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), commit_timeout_ms))) return;
  remote::Close(connection, "the node has not answered COMMIT");
}

void CommitOneWriter() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (participant->wrote_level == 0) continue;
    ShowPhase(core::Phase::Committing);
    StopPoint("before commit");
    remote::MarkNextDecisive(participant->connection);
    remote::Request* request = remote::SendEnd(participant->connection, "COMMIT", true);
    AwaitAnswer(participant->connection, request);
    if (request->failed && remote::IsBroken(participant->connection)) {
      ereport(ERROR, (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
                      errmsg("connection to node %s was lost while the transaction was committed",
                             remote::NameOf(participant->connection)),
                      errdetail("Whether it was committed is not known."),
                      errhint("Look at the data on that node once it is reachable.")));
    }
    if (request->failed) remote::RaiseError(request);
    if (strcmp(request->tag, "COMMIT") != 0) RaiseRolledBack(participant);
    Leave(participant);
    return;
  }
}

/// What has come back for the command sent last, whose tag is `tag`.
core::Reply ReplyTo(const Participant* participant, const char* tag) {
  const remote::Request* request = participant->ending;
  if (request == nullptr) return core::Reply::Lost;
  // A session that ends has closed its connections before its transaction is aborted.
  if (!request->finished) return remote::IsBroken(participant->connection) ? core::Reply::Lost : core::Reply::None;
  if (!request->failed) return strcmp(request->tag, tag) == 0 ? core::Reply::Done : core::Reply::Refused;
  const core::Failure failure = remote::FailureOf(request);
  if (failure.lost) return core::Reply::Lost;
  return strcmp(failure.sqlstate, "42704") == 0 ? core::Reply::NoSuch : core::Reply::Refused;
}

void NoteAnswerToPrepare(Participant* participant) {
  if (participant->part == core::Part::Asked)
    participant->part = core::AfterPrepare(ReplyTo(participant, "PREPARE TRANSACTION"));
}

void WriteRecords() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    core::FormatGid(OwnTransaction(), participant->number, participant->gid);
    InsertRecord(remote::GroupOf(participant->connection), participant->gid);
  }
}

void SendPrepares() {
  StopPoint("before prepare");
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    participant->part = core::Part::Asked;
    participant->ending = remote::SendPrepare(participant->connection, participant->gid);
  }
}

/// All are waited for, so that each part's state is known when one of them makes the commit fail.
void RequireAllPrepared() {
  for (int i = 0; i < current.count; i++) AwaitAnswer(current.participants[i]->connection, current.participants[i]->ending);
  for (int i = 0; i < current.count; i++) NoteAnswerToPrepare(current.participants[i]);
  if (std::all_of(current.participants, current.participants + current.count,
                  [](const Participant* participant) { return core::MayCommit(participant->part); }))
    ShowPhase(core::Phase::Prepared);
  StopPoint("after prepare");
  for (int i = 0; i < current.count; i++) {
    const Participant* participant = current.participants[i];
    if (participant->ending->failed) remote::RaiseError(participant->ending);
    if (!core::MayCommit(participant->part)) RaiseRolledBack(participant);
    // What a server prepared that lost its group meanwhile is perhaps not known to the new primary.
    remote::CutIfDeposed(participant->connection);
    if (remote::IsBroken(participant->connection)) RaiseLostParticipant(participant);
  }
}

/// Until the end of the transaction.  The log is flushed before others see the commit, here and on the standbys that commits
/// wait for: whoever has seen it may tell the participants.
void ForceFlush() {
  if (synchronous_commit >= SYNCHRONOUS_COMMIT_REMOTE_FLUSH) return;
  (void)set_config_option("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

void BeforeLocalCommit(core::CommitStep step) {
  switch (step) {
    case core::CommitStep::WriteRecords: return WriteRecords();
    case core::CommitStep::Prepare: return SendPrepares();
    case core::CommitStep::RequireAll: return RequireAllPrepared();
    case core::CommitStep::ForceFlush: return ForceFlush();
    case core::CommitStep::CommitLocally:  // PostgreSQL does
    case core::CommitStep::SecondPhase: return;  // AfterCommit
  }
}

void CommitInTwoPhases() {
  for (const core::CommitStep step : core::kTwoPhaseCommit) {
    if (step == core::CommitStep::CommitLocally) return;
    ShowPhase(core::PhaseAt(step));
    BeforeLocalCommit(step);
  }
}

/// The command that ends the part, if there is one to send.
void SendEndOf(Participant* participant, bool committed) {
  participant->ending = nullptr;
  if (participant->confirmed || remote::IsBroken(participant->connection)) return;
  const auto end_prepared = [&](const char* verb) {
    participant->ending = remote::SendEndOfPrepared(participant->connection, verb, participant->gid);
  };
  switch (core::CommandToEnd(participant->part, committed)) {
    case core::EndCommand::Nothing: return;
    case core::EndCommand::CommitPrepared: return end_prepared("COMMIT");
    case core::EndCommand::RollbackPrepared: return end_prepared("ROLLBACK");
    case core::EndCommand::Rollback:
      participant->ending = remote::SendEnd(participant->connection, "ROLLBACK", false);
  }
}

/// What has become of the command; a node that does not answer in time loses its connection.
core::PartEnd AwaitEnd(Participant* participant, const char* tag, TimestampTz deadline) {
  remote::Request* request = participant->ending;
  if (request != nullptr && !remote::WaitUntil(request, deadline))
    remote::Close(participant->connection, "the node did not answer in time");
  return core::AfterEnd(ReplyTo(participant, tag));
}

/// Cancels what runs; a node that does not obey in time loses its connection.
void StopEverything() {
  const TimestampTz deadline = EndDeadline();
  for (int i = 0; i < remote::ConnectionCount(); i++) {
    remote::Connection* connection = remote::ConnectionAt(i);
    if (!remote::StopFrom(connection, 0, deadline) || !remote::DrainUntil(connection, deadline)) {
      remote::Close(connection, "the node did not cancel in time");
    }
  }
}

void EndOfTransaction() {
  ForgetParticipants();
  ForgetOwnTransaction();
  ForgetVictim();
  remote::CloseSurplus();
}

}  // namespace

namespace {

/// Another server leads this one's group: whatever is committed here is lost, and what others prepared for it must not stay.
void CheckOwnServer() {
  const bool distributed = current.local_write || WriterCount() > 1;
  const bool client = MyProcPort != nullptr && TransactionIdIsValid(GetTopTransactionIdIfAny());
  if (distributed || client) RequireLead();
}

}  // namespace

void DefineCommitSetting() {
  static const pg::IntSetting settings[] = {
      {"altius.commit_timeout", "Sets how long COMMIT waits for a node's answer. A node that gives none loses its connection.",
       &commit_timeout_ms, 60000, 1, INT_MAX, PGC_USERSET, GUC_UNIT_MS},
  };
  pg::Define(settings);
}

namespace {

void EndParticipants() {
  RaiseIfDeadlockVictim();
  FinishStatements();
  core::CommitInput input;
  input.remote_writers = WriterCount();
  input.remote_readers = current.count - input.remote_writers;
  input.local_writes = current.local_write || TransactionIdIsValid(GetTopTransactionIdIfAny());
  const core::CommitProtocol protocol = core::ChooseCommitProtocol(input);
  CommitReaders();
  if (protocol == core::CommitProtocol::TwoPhase) {
    CommitInTwoPhases();
  } else {
    CommitOneWriter();
  }
}

}  // namespace

void PreCommit() {
  CheckOwnServer();
  RequireListedAsker();
  if (current.count > 0) EndParticipants();
  NoteSyncWait(Record::Commit);
}

void BeforeUserPrepare() {
  CheckOwnServer();
  if (door::IsNodeSession()) ForceFlush();
  NoteSyncWait(Record::Prepare);
  if (WriterCount() > 0 && door::IsNodeSession()) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a trigger or function that ran on a node has written on another one, in a "
                           "transaction that changes several nodes"),
                    errhint("Let it write to tables with the same distribution column, or change "
                            "rows of one node at a time.")));
  }
  if (WriterCount() > 0) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot PREPARE a transaction that wrote on other nodes"),
                    errhint("COMMIT is atomic on all nodes.")));
  }
  FinishStatements();
  CommitReaders();
}

namespace {

constexpr const char* kCommitted = "COMMIT PREPARED";

void CommitFirstOne() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (remote::GroupOf(participant->connection) + 1 != current.commit_first) continue;
    SendEndOf(participant, true);
    participant->confirmed = AwaitEnd(participant, kCommitted, EndDeadline()) == core::PartEnd::Confirmed;
  }
}

void WarnUnfinished(const Participant* participant, core::PartEnd end) {
  const char* node = remote::NameOf(participant->connection);
  if (end == core::PartEnd::Elsewhere) {
    ereport(WARNING, (errmsg("the transaction is committed, but node %s has its part prepared no more", node),
                      errdetail("Prepared transaction \"%s\" was ended by somebody else, or lost with a server that was restored.",
                                participant->gid),
                      errhint("Compare what the transaction wrote on that node with the other nodes.")));
    return;
  }
  WakeMaintenance();
  ereport(WARNING, (errmsg("the transaction is committed, but node %s has not confirmed it yet", node),
                    errdetail("The node finishes it as soon as it is reachable.")));
}

void SecondPhase() {
  if (current.commit_first > 0) CommitFirstOne();
  for (int i = 0; i < current.count; i++) SendEndOf(current.participants[i], true);
  const TimestampTz deadline = EndDeadline();
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (participant->part != core::Part::Prepared || participant->confirmed) continue;
    const core::PartEnd end = AwaitEnd(participant, kCommitted, deadline);
    if (end != core::PartEnd::Confirmed) WarnUnfinished(participant, end);
  }
}

/// Another server may lead without this decision: whoever leads decides by what it has.
void LeaveToRecovery(bool warn) {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (warn && participant->part == core::Part::Prepared) WarnUnfinished(participant, core::PartEnd::Later);
    remote::Close(participant->connection, "its part is left to recovery");
  }
}

}  // namespace

void AfterCommit(XLogRecPtr end) {
  const bool committed = TransactionIdIsValid(GetTopTransactionIdIfAny());
  const bool concerns = committed && (MyProcPort != nullptr || current.count > 0);
  const Told told = concerns ? LookAtCommit(end) : Told{core::Telling::Tell, core::SyncWait::NotWanted};
  if (current.count > 0) {
    ShowPhase(core::PhaseAt(core::CommitStep::SecondPhase));
    StopPoint("after local commit");
    core::MayDecide(told.telling, told.wait) ? SecondPhase() : LeaveToRecovery(told.telling == core::Telling::Tell);
  }
  EndOfTransaction();
  if (told.telling == core::Telling::Withhold) HangUpOnClient();
}

void AfterAbort() {
  ShowPhase(core::Phase::Aborting);
  StopEverything();
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    NoteAnswerToPrepare(participant);
    if (participant->part == core::Part::Lost) WakeMaintenance();
    SendEndOf(participant, false);
  }
  const TimestampTz deadline = EndDeadline();
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    const core::PartEnd end = AwaitEnd(participant, "ROLLBACK PREPARED", deadline);
    if (end != core::PartEnd::Confirmed && participant->part == core::Part::Prepared) WakeMaintenance();
    if (remote::IsBroken(participant->connection)) remote::Close(participant->connection, "lost");
  }
  EndOfTransaction();
}

}  // namespace altius::txn
