// SPDX-License-Identifier: PostgreSQL
// The rule for copies of reference tables, spelled a second time by its reasons, and differences of bags of rows.
#include "altius/core/copies/difference.hpp"
#include "altius/core/copies/way.hpp"
#include "catch.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <vector>

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

TEST_CASE("Taking out and putting in makes one bag of rows the other", "[copies]") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; round++) {
    std::vector<int> has, wanted;
    for (std::vector<int>* rows : {&has, &wanted}) {
      for (auto count = random() % 8; count > 0; count--) rows->push_back(static_cast<int>(random() % 5));
      std::sort(rows->begin(), rows->end());
    }
    std::vector<int> mended = has;
    std::size_t steps = 0;
    Difference(
        has.data(), has.size(), wanted.data(), wanted.size(), [](int one, int other) { return one - other; },
        [&](std::size_t i) {
          mended.erase(std::find(mended.begin(), mended.end(), has[i]));
          steps++;
        },
        [&](std::size_t i) {
          mended.push_back(wanted[i]);
          steps++;
        });
    std::sort(mended.begin(), mended.end());
    CHECK(mended == wanted);
    std::vector<int> common;
    std::set_intersection(has.begin(), has.end(), wanted.begin(), wanted.end(), std::back_inserter(common));
    CHECK(steps == has.size() + wanted.size() - 2 * common.size());
  }
}
