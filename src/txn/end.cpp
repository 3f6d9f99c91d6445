// SPDX-License-Identifier: PostgreSQL
// How a distributed transaction ends.  Before the local commit everything may still fail, and then
// all is rolled back; after it nothing raises, and what could not be finished is left to recovery.
#include "altius/core/txn/decision.hpp"
#include "altius/door/door.hpp"
#include "altius/txn/shared.hpp"
#include "identity.hpp"
#include "participants.hpp"

namespace altius::txn {

namespace {

constexpr int kEndTimeoutMs = 10000;

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
    if (remote::IsBroken(participant->connection) && participant->wrote_level > 0)
      RaiseLostParticipant(participant);
    remote::RaiseIfUnheard(participant->connection);
  }
}

/// Nobody waits for the end of a reader, except where the node may still say no.
void CommitReaders() {
  for (int i = current.count - 1; i >= 0; i--) {
    Participant* participant = current.participants[i];
    if (participant->wrote_level > 0 || remote::IsBroken(participant->connection)) continue;
    remote::Request* request = remote::SendEnd(participant->connection, "COMMIT", true);
    if (XactIsoLevel == XACT_SERIALIZABLE) remote::Wait(request);
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

void CommitOneWriter() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (participant->wrote_level == 0) continue;
    StopPoint("before commit");
    remote::MarkNextDecisive(participant->connection);
    remote::Request* request = remote::SendEnd(participant->connection, "COMMIT", true);
    remote::WaitAllQuietly(&request, 1);
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

void SendPrepare(Participant* participant) {
  participant->preparing = true;
  participant->ending = remote::SendPrepare(participant->connection, participant->gid);
}

bool IsPrepared(const Participant* participant) {
  const remote::Request* request = participant->ending;
  return participant->preparing && request != nullptr && request->finished && !request->failed &&
         strcmp(request->tag, "PREPARE TRANSACTION") == 0;
}

/// PREPARE everywhere at once; the records become visible with the local commit.
void PrepareWriters() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    core::FormatGid(OwnTransaction(), participant->number, participant->gid);
    InsertRecord(remote::GroupOf(participant->connection), participant->gid);
  }
  StopPoint("before prepare");
  pg::Array<remote::Request*> requests;
  for (int i = 0; i < current.count; i++) {
    SendPrepare(current.participants[i]);
    requests.push_back(current.participants[i]->ending);
  }
  remote::WaitAllQuietly(requests.data(), requests.size());
  for (int i = 0; i < current.count; i++)
    current.participants[i]->prepared = IsPrepared(current.participants[i]);
  StopPoint("after prepare");
  for (int i = 0; i < current.count; i++) {
    const Participant* participant = current.participants[i];
    if (participant->ending->failed) remote::RaiseError(participant->ending);
    if (!participant->prepared) RaiseRolledBack(participant);
    // What a server prepared that lost its group meanwhile is perhaps not known to the new primary.
    remote::CutIfDeposed(participant->connection);
    if (remote::IsBroken(participant->connection)) RaiseLostParticipant(participant);
  }
}

void EndPrepared(const char* verb) {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    participant->ending = nullptr;
    if (!participant->prepared || participant->confirmed || remote::IsBroken(participant->connection)) continue;
    participant->ending = remote::SendCommand(participant->connection, psprintf("%s '%s'", verb, participant->gid));
  }
}

void RollBackUnprepared() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (participant->prepared) continue;
    const bool lost = remote::IsBroken(participant->connection);
    participant->ending = lost ? nullptr : remote::SendEnd(participant->connection, "ROLLBACK", false);
  }
}

/// Whether the participant confirmed its end in time; one that did not loses its connection.
bool ConfirmEnd(Participant* participant, TimestampTz deadline) {
  remote::Request* request = participant->ending;
  if (request == nullptr) return false;
  if (!remote::WaitUntil(request, deadline)) {
    remote::Close(participant->connection, "the node did not answer in time");
  }
  return request->finished && !request->failed;
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

/// Another server leads this one's group: whatever is committed here is lost, and what others
/// prepared for it must not stay.
void CheckOwnServer() {
  const bool writes =
      current.local_write || WriterCount() > 1 ||
      (door::IsNodeSession() && TransactionIdIsValid(GetTopTransactionIdIfAny()));
  if (!writes || !remote::IsThisServerDeposed()) return;
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("this server is not the primary of its group any more"),
                  errhint("The transaction is rolled back; run it again on the new primary.")));
}

}  // namespace

void PreCommit() {
  CheckOwnServer();
  if (current.count == 0) return;
  RaiseIfDeadlockVictim();
  FinishStatements();
  core::CommitInput input;
  input.remote_writers = WriterCount();
  input.remote_readers = current.count - input.remote_writers;
  input.local_writes = current.local_write || TransactionIdIsValid(GetTopTransactionIdIfAny());
  const core::CommitProtocol protocol = core::ChooseCommitProtocol(input);
  CommitReaders();
  if (protocol == core::CommitProtocol::TwoPhase) {
    PrepareWriters();
  } else {
    CommitOneWriter();
  }
}

void BeforeUserPrepare() {
  CheckOwnServer();
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

void CommitFirstOne() {
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    if (remote::GroupOf(participant->connection) + 1 != current.commit_first) continue;
    if (!participant->prepared || remote::IsBroken(participant->connection)) continue;
    participant->ending = remote::SendCommand(participant->connection,
                                              psprintf("COMMIT PREPARED '%s'", participant->gid));
    participant->confirmed = ConfirmEnd(participant, EndDeadline());
  }
}

}  // namespace

void AfterCommit() {
  if (current.count > 0) {
    StopPoint("after local commit");
    if (current.commit_first > 0) CommitFirstOne();
    EndPrepared("COMMIT PREPARED");
    const TimestampTz deadline = EndDeadline();
    for (int i = 0; i < current.count; i++) {
      Participant* participant = current.participants[i];
      if (!participant->prepared || participant->confirmed) continue;
      if (ConfirmEnd(participant, deadline)) continue;
      WakeMaintenance();
      ereport(WARNING, (errmsg("the transaction is committed, but node %s has not confirmed it yet",
                               remote::NameOf(participant->connection)),
                        errdetail("The node finishes it as soon as it is reachable.")));
    }
  }
  EndOfTransaction();
}

void AfterAbort() {
  StopEverything();
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    participant->prepared = IsPrepared(participant);
    if (participant->preparing && !participant->prepared &&
        remote::IsBroken(participant->connection))
      WakeMaintenance();
  }
  EndPrepared("ROLLBACK PREPARED");
  RollBackUnprepared();
  const TimestampTz deadline = EndDeadline();
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    const bool confirmed = ConfirmEnd(participant, deadline);
    if (!confirmed && participant->prepared) WakeMaintenance();
    if (remote::IsBroken(participant->connection)) remote::Close(participant->connection, "lost");
  }
  EndOfTransaction();
}

}  // namespace altius::txn
