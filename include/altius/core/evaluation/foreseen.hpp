// SPDX-License-Identifier: PostgreSQL
// Where what RETURNING gives is computed when rows are shipped to the shard that they change: by the shard, or with the rows, before they
// are changed.
#pragma once

#include <cstdint>

namespace altius::core::evaluation {

enum class Change : std::uint8_t { Insert, Update, Delete };

/// The statement, and what becomes of its rows on the way.
struct Changing {
  Change change = Change::Update;
  bool row_triggers = false;     // BEFORE triggers of this command, or partitions, may make another row of it
  bool volatile_values = false;  // what is assigned is not the same twice: of UPDATE
  bool on_conflict = false;      // the row that is returned may be one that was there
};

/// A subquery of RETURNING; of INSERT all that RETURNING gives.
struct Returned {
  bool argument = false;       // needs no row: it is computed once
  bool elsewhere = false;      // reads what the shard does not have
  bool sendable = true;        // its value has a type that travels
  bool is_volatile = false;    // it may not be computed once more
  bool plain_columns = false;  // of the changed row it reads columns that are stored as they are assigned, no more
};

enum class Foreseen : std::uint8_t {
  Yes,       // with the rows
  NoNeed,    // the shard computes it, or it is computed once
  Unsendable,
  Volatile,
  Changed,   // by triggers, or because the row is another one
  Unknown,   // the shard makes of the row what only it knows
};

Foreseen Foresee(const Changing& changing, const Returned& returned);

}  // namespace altius::core::evaluation
