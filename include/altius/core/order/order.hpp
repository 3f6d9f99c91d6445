// SPDX-License-Identifier: PostgreSQL
// In which order the modifications of one WITH run, so that none sees what another one has done: all parts of a statement see the state
// before it.  Where no order does that, some of what one of them reads has to be read before.
#pragma once

#include <cstdint>

namespace altius::core::order {

enum class Kind : std::uint8_t { Insert, Update, Delete, Merge };

/// The others by their numbers, as bits.
using Others = std::uint64_t;
inline constexpr int kMost = 64;

struct Modification {
  Kind kind = Kind::Insert;
  int target = 0;       // a table
  bool itself = false;  // the statement, not one in WITH: what it reads is read first
  bool shared = false;  // its result is read in several places
  Others results = 0;   // whose result it reads, of those before it
  Others reads = 0;     // of whose targets it reads rows, not counting those that it changes
  Others disjoint = 0;  // that change other rows of their target for certain
  // What Arrange finds:
  int unit = 0;         // the number of the one that takes it along, its own otherwise
  Others waits = 0;     // whose result it needs, of other units
  bool only_old = false;  // it changes only rows of its target that are where they were before the statement
};

/// What is read before: the target of `other` for `reader`, or (target) where the rows of its own target lie.
struct Kept {
  int reader;
  int other;
  bool target;
};

/// `first`: the units that run ahead, in this order; the other ones at any time.  The caller's arrays: `all` of `count`, `first` of as
/// many, `kept` of twice their square.
struct Plan {
  Modification* all;
  int count;
  int* first;
  int first_count;
  Kept* kept;
  int kept_count;
};

/// A later one takes along those whose result it alone reads, and waits for others; the statement itself takes none.  Changes `reads` and
/// `only_old` of those for which something is kept.
void Arrange(Plan* plan);

/// Whether the one, running after the other, would see what that has done.
bool Sees(const Plan& plan, int one, int other);

/// WHERE column = value, one of several conditions; equal values have equal numbers.
struct Pin {
  int column;
  int value;
};

struct Update {
  const Pin* pins;
  int pin_count;
  const int* sets;  // columns
  int set_count;
};

/// Whether no row can be changed by both, in whatever order they run.
bool AreDisjoint(const Update& one, const Update& other);

}  // namespace altius::core::order
