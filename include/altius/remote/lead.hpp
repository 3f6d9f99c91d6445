// SPDX-License-Identifier: PostgreSQL
// Whether this server leads its own group, in shared memory: the follower says it, and every commit reads it, in every database.
#pragma once

#include "altius/core/route/lead.hpp"
#include "altius/pg/pg.hpp"

namespace altius::remote {

// --- the follower; functions that take its part ---

/// Takes what the address book has of the group, this server's own.  `standbys`: Patroni names synchronous ones.
void JudgeLead(int group, bool followed, bool standbys);

/// The follower ends, or has not begun: nobody knows whether this server still leads.
void DoubtLead();

/// A quorum of etcd has answered, and the address book and the lead say what it said.
void NoteLook();

// --- everybody ---

core::Lead OwnLead();

/// How often NoteLook was called.
uint64 Looks();

/// Asks for the memory.  From _PG_init.
void InitLeadMemory();

}  // namespace altius::remote
