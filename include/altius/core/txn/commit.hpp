// SPDX-License-Identifier: PostgreSQL
// How the backend that began a distributed transaction ends it, as pure functions: the callers (src/txn/end.cpp) send and
// wait, these decide.  test/unit/txn tries every interleaving of them with crashes.
#pragma once

namespace altius::core {

/// How a distributed transaction ends when the client says COMMIT.
enum class CommitProtocol {
  Nothing,   // no other node took part: PostgreSQL's own commit is all
  OnePhase,  // at most one place has changes: COMMIT goes to the participants, before the local
             // commit
  TwoPhase,  // kTwoPhaseCommit
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

enum class CommitStep : unsigned char {
  WriteRecords,  // a row of pg_dist_transaction for each writer, seen by others with the local commit
  Prepare,       // PREPARE TRANSACTION to all writers at once
  RequireAll,    // their answers; MayCommit of each, or all is rolled back
  ForceFlush,    // the local commit is on disk before anybody sees it, whatever synchronous_commit says
  CommitLocally, // the decision
  SecondPhase,   // CommandToEnd to all writers at once; nothing raises any more
};

/// The order is the protocol.
inline constexpr CommitStep kTwoPhaseCommit[] = {CommitStep::WriteRecords, CommitStep::Prepare,
                                                 CommitStep::RequireAll,   CommitStep::ForceFlush,
                                                 CommitStep::CommitLocally, CommitStep::SecondPhase};

/// Who asks a node to prepare, as that node knows it.
struct Asker {
  bool coordinator = false;   // it is never removed while there are others
  bool group_listed = false;  // its group is in the node's own pg_dist_node
  bool same_node = false;     // ... as the node that the asking server takes itself for
  bool leaving = false;       // its removal is looking for what it has prepared
};

/// A server that was cut off while it was removed goes on with its transactions; nobody would end what it prepares.
constexpr bool MayPrepare(const Asker& asker) noexcept {
  return asker.coordinator || (asker.group_listed && asker.same_node && !asker.leaving);
}

/// How far a transaction has come, for those who look.
enum class Phase : unsigned char { Active, Preparing, Prepared, Committing, Aborting };

constexpr const char* NameOf(Phase phase) noexcept {
  switch (phase) {
    case Phase::Active: return "active";
    case Phase::Preparing: return "preparing";
    case Phase::Prepared: return "prepared";
    case Phase::Committing: return "committing";
    case Phase::Aborting: return "aborting";
  }
  return "";
}

/// While the step is taken.
constexpr Phase PhaseAt(CommitStep step) noexcept {
  switch (step) {
    case CommitStep::WriteRecords:
    case CommitStep::Prepare:
    case CommitStep::RequireAll: return Phase::Preparing;
    case CommitStep::ForceFlush:
    case CommitStep::CommitLocally: return Phase::Prepared;
    case CommitStep::SecondPhase: return Phase::Committing;
  }
  return Phase::Active;
}

/// What has come back for a command.
enum class Reply : unsigned char {
  None,    // nothing yet
  Done,    // the command's own tag
  Refused, // an error, or another tag: a node may answer ROLLBACK to PREPARE TRANSACTION
  NoSuch,  // COMMIT PREPARED, ROLLBACK PREPARED: there is none of that name
  Lost,    // the connection is gone
};

/// A writer's part of the transaction, as far as its origin knows.
enum class Part : unsigned char {
  Open,      // in a transaction block
  Asked,     // PREPARE TRANSACTION was sent
  Prepared,  // and done
  Refused,   // and is not: nothing is left of the part
  Lost,      // the connection is gone since: it may be prepared now, or later, or never
};

constexpr Part AfterPrepare(Reply reply) noexcept {
  switch (reply) {
    case Reply::None: return Part::Asked;
    case Reply::Done: return Part::Prepared;
    case Reply::Lost: return Part::Lost;
    default: return Part::Refused;
  }
}

/// Whether this part allows the local commit.
constexpr bool MayCommit(Part part) noexcept { return part == Part::Prepared; }

enum class EndCommand : unsigned char { Nothing, Rollback, RollbackPrepared, CommitPrepared };

/// What the node is sent once the local outcome is known; a part whose connection was lost is left to recovery.
constexpr EndCommand CommandToEnd(Part part, bool committed) noexcept {
  if (part == Part::Prepared) return committed ? EndCommand::CommitPrepared : EndCommand::RollbackPrepared;
  const bool session_left = part == Part::Open || part == Part::Refused;
  return session_left && !committed ? EndCommand::Rollback : EndCommand::Nothing;
}

enum class PartEnd : unsigned char {
  Confirmed,
  Later,     // not confirmed: recovery finishes it
  Elsewhere, // somebody else has ended it: recovery does not while the origin's backend is at it
};

constexpr PartEnd AfterEnd(Reply reply) noexcept {
  if (reply == Reply::Done) return PartEnd::Confirmed;
  return reply == Reply::NoSuch ? PartEnd::Elsewhere : PartEnd::Later;
}

}  // namespace altius::core
