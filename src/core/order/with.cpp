// SPDX-License-Identifier: PostgreSQL
#include "altius/core/order/with.hpp"

namespace altius::core::order {

Travel TravelOf(const Entry& entry, bool shared) {
  // Its time has come before, wherever the statement runs.
  if (entry.read_before) return Travel::HandedOver;
  // A second time it would change rows again.
  if (entry.modifies) return shared ? Travel::HandedOver : Travel::Moved;
  // A second time it would be something else.
  if (entry.is_volatile && shared) return Travel::HandedOver;
  return Travel::Copied;
}

void TakeAlong(const Entry* entries, int count, Reads reads, const void* context, Travel* travels) {
  for (int i = count - 1; i >= 0; i--) {
    bool needed = reads(context, -1, i);
    bool shared = entries[i].several;
    for (int reader = i + 1; reader < count; reader++) {
      if (!reads(context, reader, i)) continue;
      // Rows that are handed over need nothing; what has moved is not left to read it where it is.
      needed = needed || travels[reader] == Travel::Copied || travels[reader] == Travel::Moved;
      shared = shared || travels[reader] != Travel::Moved;
    }
    travels[i] = needed ? TravelOf(entries[i], shared) : Travel::No;
  }
}

bool GoAtOnce(const Rows& rows) { return rows.meets_twice || rows.moves || rows.reads_unseen; }

}  // namespace altius::core::order
