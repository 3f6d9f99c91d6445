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
  pg_atomic_uint64 gate;         // a timestamp; 0: open
  pg_atomic_uint32 update_hint;  // citus_update_node may hold its lock
  GroupEntry entry;              // under the book's lock
};

/// Defines altius.max_groups and asks for the memory.  From _PG_init.
void InitBookMemory();

/// From now on this backend is woken when an entry changes.
void JoinUsers();

/// The group's slot; null when the book has none.
BookSlot* SlotOf(int group);

/// As above, made when there is none; null when there is no room.
BookSlot* NeedSlotOf(int group);

}  // namespace altius::remote
