// SPDX-License-Identifier: PostgreSQL
// What commit and recovery do, as pure functions: the callers look, this decides, they act.
#pragma once

namespace altius::core {

/// How a distributed transaction ends when the client says COMMIT.
enum class CommitProtocol {
  Nothing,   // no other node took part: PostgreSQL's own commit is all
  OnePhase,  // at most one place has changes: COMMIT goes to the participants, before the local
             // commit
  TwoPhase,  // PREPARE on the writers, a record each in the local commit, COMMIT PREPARED after it
};

struct CommitInput {
  int remote_writers = 0;     // participants that changed something
  int remote_readers = 0;     // participants that only read
  bool local_writes = false;  // the local transaction has changes of its own
};

constexpr CommitProtocol ChooseCommitProtocol(const CommitInput& input) noexcept {
  const int places_changed = input.remote_writers + (input.local_writes ? 1 : 0);
  if (input.remote_writers + input.remote_readers == 0) return CommitProtocol::Nothing;
  if (input.remote_writers > 0 && places_changed > 1) return CommitProtocol::TwoPhase;
  return CommitProtocol::OnePhase;
}

/// What recovery does with a prepared transaction that it found.
enum class Outcome { Commit, Abort, Wait };

/// The order of looking makes this right: first the list of prepared transactions, then whether the
/// origin's transaction is still running, last the commit records.  A transaction seen as ended has
/// made its record visible or never will.  While it runs its own backend finishes the participants,
/// whatever is visible.
constexpr Outcome DecideRecovery(bool record_visible, bool active_at_origin) noexcept {
  if (active_at_origin) return Outcome::Wait;
  return record_visible ? Outcome::Commit : Outcome::Abort;
}

/// A record may go once nobody can ask for it: its transaction has ended and the participant no
/// longer lists the gid, in a list that was read after the record was seen.
constexpr bool MayDeleteRecord(bool still_prepared, bool active_at_origin,
                               bool participant_answered) noexcept {
  return participant_answered && !still_prepared && !active_at_origin;
}

}  // namespace altius::core
