// SPDX-License-Identifier: PostgreSQL
// Whether a server leads its own group, from what the address book says of that group.
#pragma once

#include "altius/core/route/book.hpp"

namespace altius::core {

enum class Lead : std::uint8_t {
  Unfollowed,  // nobody follows etcd for this server
  Sole,        // it leads, and nobody else may be promoted now
  Leads,       // it leads; another one, which Patroni names a synchronous standby, may be promoted
  Unsure,      // no leader is known, or etcd is silent
  Lost,        // another one leads, with a later timeline: what is committed here is thrown away
};

/// What a server knows of itself.
struct OwnServer {
  std::uint64_t system_id = 0;
  int timeline = 0;  // 0: it is a standby
};

/// `followed`: a follower is at work; `in_contact`: with a quorum of etcd; `standbys`: Patroni names synchronous ones.
constexpr Lead LeadOf(const Entry& entry, const OwnServer& own, bool followed, bool in_contact, bool standbys) noexcept {
  if (!followed) return Lead::Unfollowed;
  const Whereabouts& at = entry.at;
  // A server that has not joined yet takes itself for the coordinator's.
  if (at.system_id != 0 && at.system_id != own.system_id) return Lead::Unfollowed;
  if (own.timeline == 0 || at.state != GroupState::Known || !entry.verified || at.timeline == 0) return Lead::Unsure;
  if (at.timeline > own.timeline) return Lead::Lost;  // for good, whoever is silent
  if (at.timeline < own.timeline || !in_contact) return Lead::Unsure;
  return standbys ? Lead::Leads : Lead::Sole;
}

}  // namespace altius::core
