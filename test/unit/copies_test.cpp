// SPDX-License-Identifier: PostgreSQL
// The rule for copies of reference tables, held against a small world: a leading copy and one that follows, which sees commits
// later, lists its rows in another order and has other settings.
#include "altius/core/copies/way.hpp"
#include "catch.hpp"

using namespace altius::core;

namespace {

/// What a statement run by each copy itself can see there that the leading copy has not seen.
bool CopiesMayDiffer(const CopyStatement& it) {
  if (it.row_triggers) return true;  // they may do anything
  if (!it.proven) return true;       // another node, or the same at another time, computes something else
  if (it.reads_others) return true;  // these may have changed in between, or come in another order
  if (it.inserts_only) return false;
  // A condition on the rows there: others than on the leading copy may fit by now.
  if (!it.one_row) return true;
  // One row, which the leading copy has locked: here it is awaited, unless it is looked at as it was.
  return it.own_snapshot;
}

}  // namespace

TEST_CASE("A statement runs on each copy only where no copy can see anything else", "[copies]") {
  for (int bits = 0; bits < 64; bits++) {
    const CopyStatement it = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, (bits & 32) != 0};
    CHECK(IsCarried(it) == CopiesMayDiffer(it));
    CHECK(LockFor(it, true) == CopyLock::None);
    CHECK(LockFor(it, false) == (it.inserts_only ? CopyLock::Insert : CopyLock::Change));
  }
}

TEST_CASE("Who looks for rows by how they look is alone", "[copies]") {
  CHECK(MayOverlap(CopyLock::Insert, CopyLock::Insert));
  CHECK_FALSE(MayOverlap(CopyLock::Insert, CopyLock::Change));
  CHECK_FALSE(MayOverlap(CopyLock::Change, CopyLock::Insert));
  CHECK_FALSE(MayOverlap(CopyLock::Change, CopyLock::Change));
  CHECK(MayOverlap(CopyLock::None, CopyLock::Change));
}
