// SPDX-License-Identifier: PostgreSQL
// Whether a client may be told that its transaction is committed, as pure functions.  PostgreSQL's wait for synchronous standbys
// may end without their answer: by a cancel, or because synchronous_standby_names was emptied, which a Patroni does that comes back
// to a server whose group has another leader by then.  test/unit/txn/acknowledge_test.cpp tries every interleaving.
#pragma once

#include "altius/core/route/lead.hpp"

namespace altius::core {

/// How the wait for synchronous standbys has ended.
enum class SyncWait : std::uint8_t {
  NotWanted,  // the transaction or the server asked for none
  Confirmed,  // they have it
  Canceled,   // they have not, and are still asked for
  Dropped,    // they have not, and nobody asks for them any more
};

enum class Telling : std::uint8_t {
  Tell,
  Look,      // what the follower says next decides, if it comes in time; else Withhold
  Withhold,  // the outcome is unknown (08007), and the session ends
};

/// Answers of etcd, begun after the wait has ended, that it takes: the first of them may have been under way before.
inline constexpr std::uint64_t kLooksNeeded = 2;

struct Committed {
  SyncWait wait = SyncWait::NotWanted;
  Lead lead = Lead::Unfollowed;
  std::uint64_t looks = 0;  // how often etcd has answered since the wait ended
  bool for_node = false;    // another node asks, which has a transaction to keep together
  bool has_standby = false;  // whichever of the standbys that Patroni names is promoted has it
};

/// What Patroni's key says, and whom it names, counts once it has been asked for since.
constexpr bool HasNamed(const Committed& it) noexcept {
  return it.lead == Lead::Leads && it.looks >= kLooksNeeded && it.has_standby;
}

constexpr Telling MayTell(const Committed& it) noexcept {
  if (it.wait == SyncWait::Confirmed) return Telling::Tell;
  if (it.lead == Lead::Lost) return Telling::Withhold;
  if (it.wait == SyncWait::NotWanted) return Telling::Tell;
  if (it.wait == SyncWait::Canceled && it.for_node) return Telling::Withhold;
  if (it.lead == Lead::Unfollowed) return Telling::Tell;
  const bool known = (it.lead == Lead::Sole || it.lead == Lead::Leads) && it.looks >= kLooksNeeded;
  if (!known) return Telling::Look;
  // Who cancels is warned by PostgreSQL that standbys may not have it.
  if (it.lead == Lead::Sole || it.wait == SyncWait::Canceled) return Telling::Tell;
  return HasNamed(it) ? Telling::Tell : Telling::Look;
}

/// Whether what this server shows as committed, or as gone, stays so: no other one will lead without it.  Others are told of it, and
/// forget it, only then.
constexpr bool WillLast(const Committed& it) noexcept {
  if (it.lead == Lead::Lost) return false;
  if (it.wait == SyncWait::NotWanted) return it.lead == Lead::Unfollowed || it.lead == Lead::Sole || HasNamed(it);
  return it.wait == SyncWait::Confirmed;
}

/// Whether the other parts of a distributed transaction may follow what is committed here: nobody will lead who has it not.
constexpr bool MayDecide(Telling telling, SyncWait wait) noexcept {
  return telling == Telling::Tell && wait != SyncWait::Canceled;
}

/// Nothing more is committed on a server that has lost its group.
constexpr bool MayBegin(Lead lead) noexcept { return lead != Lead::Lost; }

}  // namespace altius::core
