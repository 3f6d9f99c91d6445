// SPDX-License-Identifier: PostgreSQL
// Equality classes of one query level: which columns and constants are known to be equal in every row that survives.
#pragma once

#include "altius/pg/array.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
}

namespace altius::planner {

class Equalities {
 public:
  /// The class of the expression, made when there is none.
  int ClassOf(Node *expr);

  /// The class of the expression, or -1.
  int Find(Node *expr) const;

  /// A class without members: a key that no column carries.
  int NewClass();

  void Unite(int a, int b);
  bool Same(int a, int b) const { return a >= 0 && b >= 0 && Root(a) == Root(b); }
  List *Members(int index) const { return index < 0 ? NIL : members_[Root(index)]; }

  /// Members that are constant within the level: constants, parameters, columns of outer levels.
  List *Constants(int index) const;

  /// Learns from `a = b`; anything else is ignored.
  void Learn(Node *conjunct);

  /// Takes over all classes of another scope; returns what to add to its class numbers.
  int Import(const Equalities &other);

 private:
  int Root(int index) const;

  pg::Array<int> parents_;
  pg::Array<List *> members_;
};

/// Without relabelling, and for a column without what outer joins noted on it: comparable by equal().
Node *Canonical(Node *expr);

/// No column of the own level, nothing volatile: the same value for all rows of the level.
bool IsLevelConstant(Node *expr);

/// No column of any level.
bool HasVars(Node *expr);

/// Whether the operator means equality to the hash function that a column of this type is cut by.  (text and citext are
/// relabelled into one another, but what is equal to one is not to the other.)  True for anything but a column.
bool IsKeyEquality(Oid op, Node *side);

/// For `a = b` with a hashable equality: both sides; false otherwise.
bool EqualitySides(Node *conjunct, Node **left, Node **right);

}  // namespace altius::planner
