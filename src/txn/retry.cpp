// SPDX-License-Identifier: PostgreSQL
// A node was lost under a statement: whether it may run again on the node's successor.
#include "altius/remote/pause.hpp"
#include "altius/remote/standbys.hpp"
#include "altius/txn/coordinated.hpp"
#include "participants.hpp"

namespace altius::txn {

namespace {

constexpr int kMostAttempts = 20;  // a node that takes connections and loses each of them

/// Whether the transaction loses more with the node than what the owner did there.
bool IsShared(const Participant* participant, uint64 owner) {
  if (participant == nullptr) return false;
  if (owner == 0) return true;
  if (participant->wrote_level > 0 && participant->write_owner != owner) return true;
  // Later statements must see what earlier ones saw.
  return XactIsoLevel != XACT_READ_COMMITTED && participant->owner != owner;
}

/// What the owner did there is gone; it begins again as if it had never been there.
void StartOver(remote::Connection* connection) {
  auto* participant = static_cast<Participant*>(remote::Attachment(connection));
  if (participant != nullptr) Leave(participant);
  remote::Close(connection, "the statement is run again");
  remote::LeaveGroup(remote::GroupOf(connection));
  if (participant == nullptr && current.count == 0) current.autocommitted = false;
}

/// A read on a standby can go elsewhere as long as none of its rows did; also when it was in the
/// way of replay, or calls a function that writes.
bool MayGoElsewhere(const remote::Request* request, bool rows_used, int* attempts) {
  const core::Failure failure = remote::FailureOf(request);
  const bool standbys_own =
      core::SaysNothingHappened(failure.sqlstate) || strcmp(failure.sqlstate, "40001") == 0;
  if (rows_used || (!failure.lost && !standbys_own) || *attempts >= kMostAttempts) return false;
  if (remote::Attachment(request->connection) != nullptr) return false;  // its snapshot is gone
  (*attempts)++;
  return remote::AvoidStandby(request->connection);
}

}  // namespace

uint64 NewOwner() {
  static uint64 last = 0;
  return ++last;
}

bool MayRunAgain(const remote::Request* request, uint64 owner, bool rows_used, int* attempts) {
  remote::Connection* connection = request->connection;
  if (remote::IsToStandby(connection)) return MayGoElsewhere(request, rows_used, attempts);
  // A statement of the same fragment that was lost with it has made room already.
  core::Failure failure = remote::FailureOf(request);
  const auto* participant = static_cast<const Participant*>(remote::Attachment(connection));
  const bool gone = participant == nullptr || !remote::IsOfOldSession(request);
  failure.rows_taken = rows_used;
  failure.tries = *attempts;
  failure.shared = gone && IsShared(participant, owner);
  if (core::Judge(failure) != core::Verdict::RunAgain) return false;
  if (!remote::MayHold() || *attempts >= kMostAttempts) return false;
  if (!remote::IsOfOldSession(request)) StartOver(connection);
  remote::PauseBeforeRetry((*attempts)++);
  return true;
}

}  // namespace altius::txn
