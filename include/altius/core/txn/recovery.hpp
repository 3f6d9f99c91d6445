// SPDX-License-Identifier: PostgreSQL
// What recovery does with parts of transactions that a crash left prepared, as pure functions: the caller
// (src/txn/recovery.cpp) looks in the order given here, these decide, it acts.  test/unit/txn tries every interleaving.
#pragma once

#include "altius/core/txn/gid.hpp"

namespace altius::core {

enum class RecoveryStep : unsigned char {
  NoteRecords,   // which records there are: a later list tells whether they are needed
  ReadNodes,     // which nodes pg_dist_node lists now, not before: each that a record names was there when it was noted
  ReadUnlisted,  // which were noted that it does not list: who goes is noted by then
  ListPrepared,  // the prepared transactions of all these; those of the own group also tell the Standing
  LookForActive, // which of the transactions run here
  ReadRecords,   // which of them have a record now
  Finish,        // DecideRecovery
  Forget,        // MayForget
};

/// The order makes it right.  A transaction that is seen as ended has made its record visible or never will; so records are
/// read last.  While it runs its own backend finishes the parts, whatever is visible.
inline constexpr RecoveryStep kRecovery[] = {RecoveryStep::NoteRecords,  RecoveryStep::ReadNodes,
                                             RecoveryStep::ReadUnlisted, RecoveryStep::ListPrepared,
                                             RecoveryStep::LookForActive, RecoveryStep::ReadRecords,
                                             RecoveryStep::Finish,       RecoveryStep::Forget};

/// Where the address leads that the cluster knows of this server's group.  A copy of a server (a base backup, a clone) has its
/// metadata, but not its transactions.
enum class Standing : unsigned char {
  Unregistered, // there is no address
  Here,         // to this server, since its start
  Elsewhere,    // to another one
  Unknown,      // nobody answers there
};

/// Whether this server may act for its group on other nodes.
constexpr bool MayAct(Standing standing) noexcept {
  return standing == Standing::Here || standing == Standing::Unregistered;
}

/// What a backend shows to the others of its server.
struct RunningBackend {
  int pid = 0;
  TransactionId works_for;       // its own transaction, or the one of another node that it works for
  std::uint64_t own_number = 0;  // of its own transaction, also while it works for another one; 0: none
};

/// Whether the backend is at the transaction that it began itself.
constexpr bool RunsTransaction(const RunningBackend& backend, int pid, std::uint64_t number) noexcept {
  return backend.pid == pid && number != 0 && backend.own_number == number;
}

/// Which nodes are asked: those that are disabled, too, and those that `unlisted_node` names.
constexpr bool IsAsked(bool listed, [[maybe_unused]] bool active, bool noted) noexcept { return listed || noted; }

/// Whether it is for this server to decide.  Only who began a transaction knows what became of it: of groups that exist no more nothing
/// is prepared (kRemoval), and where it is nevertheless, on a node that was not asked, nobody may guess.
constexpr bool IsForUs(int own_group, int beginner) noexcept { return own_group == beginner; }

enum class Outcome : unsigned char { Commit, Abort, Wait };

/// `lasting`: whoever leads this server's group next has the record, too.
constexpr Outcome DecideRecovery(bool record_visible, bool active_here, bool lasting = true) noexcept {
  if (active_here) return Outcome::Wait;
  if (record_visible && !lasting) return Outcome::Wait;
  return record_visible ? Outcome::Commit : Outcome::Abort;
}

/// Why what is decided has not been done yet.
enum class Delay : unsigned char {
  Session,   // the backend that began it is at it: it is not in doubt
  Copy,      // this server may not act: Standing::Elsewhere
  Alone,     // nor: Standing::Unknown
  Disabled,  // recovery is turned off
  NextRun,   // nothing: it will be
};

constexpr Delay WhyNotYet(bool session_there, Standing standing, bool recovery_enabled) noexcept {
  if (session_there) return Delay::Session;
  if (standing == Standing::Elsewhere) return Delay::Copy;
  if (standing == Standing::Unknown) return Delay::Alone;
  return recovery_enabled ? Delay::NextRun : Delay::Disabled;
}

/// A record that was visible before the lists were read may go when nobody can ask for it: `answered` by a node whose list holds for
/// whoever leads its group next.
constexpr bool MayForget(bool asked, bool answered, bool still_prepared) noexcept {
  return asked ? answered && !still_prepared : true;
}

enum class RemovalStep : unsigned char {
  StopPrepares,     // on each node that will be left: MayPrepare says no from now on
  LookForPrepared,  // there: MayRemove, or all is as before
  Delete,           // the row, on all these nodes in one distributed transaction; only then the locks go
};

/// The node may be cut off, and run, and be in the middle of a COMMIT.
inline constexpr RemovalStep kRemoval[] = {RemovalStep::StopPrepares, RemovalStep::LookForPrepared, RemovalStep::Delete};

/// A group goes only when none of its transactions is prepared on a node that will be left: what became of them is known there
/// alone.
constexpr bool MayRemove(bool all_answered, bool found_prepared) noexcept { return all_answered && !found_prepared; }

}  // namespace altius::core
