// SPDX-License-Identifier: PostgreSQL
// Conditions that keep rows from a user (of views that are security barriers, of row security) come before all that could tell of such
// rows: a function of the user's that is called with them, an error that shows one.
#pragma once

#include <cstdint>

namespace altius::core::barriers {

/// The target of a statement.
struct Target {
  bool changed = false;        // UPDATE, DELETE, MERGE: rows are looked for
  bool guarded = false;        // there are such conditions on it
  bool distributed = false;
  bool row_security = false;   // the table has it: so have its shards
  bool through_view = false;   // the statement names a view
};

enum class Holds : std::uint8_t {
  Nowhere,      // there is nothing to hold, or it is not ours to do
  OnShards,     // nodes add the same conditions by themselves
  InStatement,  // they are written into it
};

Holds WhereHeld(const Target& target);

/// A condition beside the barriers.
struct Condition {
  bool tells = false;  // it could tell of the rows that it is asked of
};

/// Whether it is asked only of rows that the barriers let pass, in whatever order a node asks conditions.
bool GoesBehind(const Condition& condition);

}  // namespace altius::core::barriers
