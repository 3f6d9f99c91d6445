// SPDX-License-Identifier: PostgreSQL
// Changes, as the statements that make them announce them.
#pragma once

#include "altius/trigger/trigger.hpp"

extern "C" {
#include "nodes/bitmapset.h"
}

namespace altius::trigger {

inline constexpr int kInserts = 1;
inline constexpr int kDeletes = 2;
inline constexpr int kUpdates = 4;

struct Change {
  Oid relid;
  int kinds;
  Bitmapset* columns;  // set by UPDATE; attribute numbers
};

Change ReadChange(const List* change);

/// The change without the kinds of it that are known of the table.
List* WithoutKnown(List* changes, const List* change);

/// The list with this change too; what one table suffers is one member.
List* AddChange(List* changes, const List* change);

}  // namespace altius::trigger
