// SPDX-License-Identifier: PostgreSQL
// What of an expression says that two values are equal, and in which sense.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
}

namespace altius::planner {

/// A meaning of equality: the hash operator family, and the collation where it decides (where it is not deterministic).
struct Meaning {
  Oid family;
  Oid collation;

  bool operator==(const Meaning &) const = default;
};

/// That of the type's own equality; family 0 when it has none that can be hashed.
Meaning MeaningOfType(Oid type, Oid collation);

/// That of the operator (as it stands between expressions of these types); family 0 when it is not such an equality.
Meaning MeaningOfOperator(Oid op, Oid type, Oid collation);

struct Identity {
  Oid type;
  int32 typmod;
  Oid collation;
};

/// Whether values of the type that are equal by the operator are identical: 1.0 and 1.00 are not, unless the scale is given.
bool IsIdentity(Oid equality, Identity of);
bool IsIdentity(Oid equality, Node *expr);

/// Whether values of the two types that are equal have equal hashes.
bool HashAlike(Oid one, Oid other);

/// Without relabelling between types that have the same equality, and for a column without what outer joins noted on it:
/// comparable by equal().
Node *Canonical(Node *expr);

/// No column of the own level, nothing volatile: the same value for all rows of the level.
bool IsLevelConstant(Node *expr);

/// No column of any level.
bool HasVars(Node *expr);

/// Whether comparing the column with the value raises no error that depends on the rows which are compared: an anonymous row of other
/// types than the column's must be compared with every row, as PostgreSQL does.
bool ComparesFaithfully(Node *column, Node *value);

/// For `a = b`, where one is a column: both sides, and in which sense they are equal; false otherwise.
bool EqualitySides(Node *conjunct, Node **left, Node **right, Meaning *meaning);

}  // namespace altius::planner
