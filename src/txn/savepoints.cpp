// SPDX-License-Identifier: PostgreSQL
// Subtransactions on nodes: a savepoint is sent with the first statement inside it, never earlier.
#include "participants.hpp"

namespace altius::txn {

namespace {

constexpr int kCancelTimeoutMs = 5000;

/// What the subtransaction still runs on the node ends before ROLLBACK TO is sent.
void StopRunning(Participant* participant, int level) {
  remote::Connection* connection = participant->connection;
  if (remote::HasRequestsBefore(connection, level)) {
    remote::OrphanFrom(connection, level);
    return;
  }
  const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kCancelTimeoutMs);
  if (!remote::StopFrom(connection, level, deadline)) {
    remote::Close(connection, "the node did not cancel in time");
  }
}

/// A lost participant may leave when nothing that it did counts any more.
void LeaveIfUnneeded(Participant* participant, int level) {
  const bool needed = participant->wrote_level > 0 || participant->joined_level < level ||
                      XactIsoLevel != XACT_READ_COMMITTED;
  if (!needed) Leave(participant);
}

void RollBackTo(Participant* participant, int level) {
  StopRunning(participant, level);
  remote::ForgetUnheard(participant->connection, level);
  if (participant->wrote_level >= level) participant->wrote_level = 0;
  if (remote::BlockLevel(participant->connection) >= level) {
    remote::QueueRollBack(participant->connection);
    remote::Push(participant->connection);  // its locks go now
  }
  if (remote::IsBroken(participant->connection)) LeaveIfUnneeded(participant, level);
}

}  // namespace

void EstablishSavepoints(Participant* participant) {
  const int level = GetCurrentTransactionNestLevel();
  while (remote::BlockLevel(participant->connection) < level) remote::QueueSavepoint(participant->connection);
}

void CommitSubtransaction(int level) {
  KeepConstraints(level);
  for (int i = 0; i < current.count; i++) {
    Participant* participant = current.participants[i];
    remote::LowerLevel(participant->connection, level);
    if (participant->wrote_level >= level) participant->wrote_level = level - 1;
    if (participant->joined_level >= level) participant->joined_level = level - 1;
    if (remote::BlockLevel(participant->connection) >= level) remote::QueueRelease(participant->connection);
  }
}

void AbortSubtransaction(int level) {
  ForgetConstraints(level);
  for (int i = current.count - 1; i >= 0; i--) RollBackTo(current.participants[i], level);
}

}  // namespace altius::txn
