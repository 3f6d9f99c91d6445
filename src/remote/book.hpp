// SPDX-License-Identifier: PostgreSQL
// The address book as floor remote sees it: slots, whose atomic parts every statement reads without
// a lock.
#pragma once

#include "altius/remote/address_book.hpp"

extern "C" {
#include "port/atomics.h"
}

namespace altius::remote {

/// Slots are never moved; one that is forgotten may serve another group, with another generation.
struct BookSlot {
  pg_atomic_uint64 generation;
  pg_atomic_uint64 gate;     // a timestamp; 0: open
  pg_atomic_uint64 wanted;   // until then nobody takes the group again; 0: no
  GroupEntry entry;          // under the book's lock
  core::Epoch paused_epoch;  // of the entry when the group was last paused (pause.hpp)
  int paused_timeline;
};

/// Defines altius.max_groups and asks for the memory.  From _PG_init.
void InitBookMemory();

/// From now on this backend is woken when an entry changes.
void JoinUsers();

/// Idle sessions of this server that use nodes come to the end of an empty transaction soon.
void NudgeUsers();

/// Connections made before must not be used any more; those that wait on them are woken, and for
/// `wanted_ms` leave the group to the caller, who waits for it.  Over earlier by EndCut.
void CutConnections(int group, int wanted_ms);
void EndCut(int group);
bool IsWanted(int group);

/// The group was paused; and whether a follower knows of another leader since.
void NotePause(int group);
bool IsLedAnewSincePause(int group);

}  // namespace altius::remote
