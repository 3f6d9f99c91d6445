// SPDX-License-Identifier: PostgreSQL
// A modification that runs as a statement of its own, and what it reads of the WITH around it: how that gets there, so that everybody
// reads the same and nothing is done twice.  And when rows that are computed for a modification may be sent.
#pragma once

#include <cstdint>

namespace altius::core::order {

/// What becomes of an entry of WITH for a statement that is taken out.
enum class Travel : std::uint8_t {
  No,          // it does not need it
  Copied,      // it is computed a second time
  Moved,       // it is computed there alone
  HandedOver,  // it is computed where it is, and its rows go along
};

struct Entry {
  bool modifies = false;
  bool is_volatile = false;
  bool several = false;      // it is read more than once, by whomever
  bool read_before = false;  // what modifications would change: it must not be computed later
};

/// Of an entry that is needed; shared: it is needed where it is, too.
Travel TravelOf(const Entry& entry, bool shared);

/// Whether the entry `other` is read by entry `reader`, or (reader -1) by the statement, which as an entry reads nothing.
using Reads = bool (*)(const void* context, int reader, int other);

/// Fills `travels`, of as many as `entries`.  An entry reads only those before it.
void TakeAlong(const Entry* entries, int count, Reads reads, const void* context, Travel* travels);

/// A modification whose rows are computed by the asking node and sent to shards.
struct Rows {
  bool meets_twice = false;      // a row of the target may be met by several, which is an error: MERGE, ON CONFLICT DO UPDATE
  bool moves = false;            // rows leave their shards and arrive in others
  bool reads_unseen = false;     // a function computes them that may read whatever it likes with a snapshot of its own
};

/// Whether all rows are computed before the first one is sent.
bool GoAtOnce(const Rows& rows);

}  // namespace altius::core::order
