// SPDX-License-Identifier: PostgreSQL
// Whether this server leads its own group, in shared memory: the follower says it, and every commit reads it, in every database.
#pragma once

#include "altius/core/route/lead.hpp"
#include "altius/core/txn/named_standbys.hpp"
#include "altius/pg/pg.hpp"

namespace altius::remote {

inline constexpr int kMaxNamedSenders = 32;

/// The walsenders of the standbys that Patroni names.
struct NamedSenders {
  int needed;  // 0: it names none
  int count;
  core::NamedSender senders[kMaxNamedSenders];
};

// --- the follower; functions that take its part ---

/// Looks for them now.
NamedSenders FindSenders(const core::NamedStandbys& standbys);

/// Takes what the address book has of the group, this server's own, and the standbys that Patroni names.
void JudgeLead(int group, bool followed, const NamedSenders& standbys);

/// The follower ends, or has not begun: nobody knows whether this server still leads.
void DoubtLead();

/// A quorum of etcd has answered, and the address book and the lead say what it said.
void NoteLook();

// --- everybody ---

core::Lead OwnLead();

/// How often NoteLook was called.
uint64 Looks();

NamedSenders OwnStandbys();

/// Asks for the memory.  From _PG_init.
void InitLeadMemory();

}  // namespace altius::remote
