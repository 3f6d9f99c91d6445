// SPDX-License-Identifier: PostgreSQL
// PostgreSQL checks the constraints that concern several rows (foreign keys, deferrable unique ones) once, when the user's statement
// ends.  A node would check them at the end of each statement that it gets: where these are several, it keeps the checks back.
#pragma once

namespace altius::core::order {

/// What is known of a user's statement before its first modification goes to a node.
struct Checked {
  int modifications = 0;     // parts of it that change rows
  bool rows_follow = false;  // one of them comes in several statements
  bool moves = false;        // rows leave their shards and arrive in others
  bool within = false;       // a statement around it has checks kept back on that node
  bool constrained = true;   // what is changed has such constraints
};

/// Whether the node keeps checks back until the user's statement ends there.  One within another has an end of its own.
bool KeepsChecksBack(const Checked& statement);

}  // namespace altius::core::order
