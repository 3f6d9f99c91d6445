// SPDX-License-Identifier: PostgreSQL
// Conditions asked by a node in every order, of rows that are hidden and others: none tells of a hidden row, and the rows that are found
// are those of one table.
#include "altius/core/barriers/barriers.hpp"
#include "catch.hpp"

#include <algorithm>
#include <vector>

using namespace altius::core::barriers;

namespace {

/// True of the rows whose bits are set; a barrier hides the others.
struct Asked {
  unsigned rows;
  bool barrier;
  bool tells;
};

constexpr unsigned kRows = 4;

struct Found {
  unsigned rows = 0;
  unsigned told = 0;  // rows that a condition has told of
};

/// A node asks in its own order, and stops at the first that is false.  CASE asks the barriers first.
Found Run(const std::vector<Asked>& order, unsigned visible) {
  Found found;
  for (unsigned row = 0; row < kRows; row++) {
    const auto holds = [&](const Asked& asked) {
      if (!asked.barrier && GoesBehind({asked.tells}) && (visible >> row & 1) == 0) return false;
      if (asked.tells) found.told |= 1u << row;
      return (asked.rows >> row & 1) != 0;
    };
    if (std::all_of(order.begin(), order.end(), holds)) found.rows |= 1u << row;
  }
  return found;
}

/// The statement's conditions, with barriers or without, on one table: barriers first.
bool IsRightInAllOrders(std::vector<Asked> conditions) {
  unsigned visible = (1u << kRows) - 1, wanted = visible;
  for (const Asked& asked : conditions) {
    if (asked.barrier) visible &= asked.rows;
    wanted &= asked.rows;
  }
  std::vector<std::size_t> order(conditions.size());
  for (std::size_t i = 0; i < order.size(); i++) order[i] = i;
  do {
    std::vector<Asked> asked;
    for (const std::size_t i : order) asked.push_back(conditions[i]);
    const Found found = Run(asked, visible);
    if (found.rows != wanted || (found.told & ~visible) != 0) return false;
  } while (std::next_permutation(order.begin(), order.end()));
  return true;
}

/// What shards add by themselves: the table's policies, for the role that the session has.
bool AddsItself(const Target& target) { return target.row_security && !target.through_view; }

}  // namespace

TEST_CASE("no condition tells of a row that barriers hide", "[barriers]") {
  int cases = 0, plain = 0;
  for (unsigned code = 0; code < 1u << 18; code += 3) {
    std::vector<Asked> conditions;
    for (unsigned i = 0; i < 3; i++) {
      const unsigned part = code >> (6 * i) & 63;
      const bool barrier = (part & 16) != 0;
      conditions.push_back({part & 15, barrier, !barrier && (part & 32) != 0});
    }
    cases++;
    if (!IsRightInAllOrders(conditions)) {
      CHECK(false);
      return;
    }
    // What tells nothing may be asked of an index first.
    for (const Asked& asked : conditions) plain += !asked.barrier && !asked.tells && !GoesBehind({asked.tells});
  }
  CHECK(cases > 80000);
  CHECK(plain > 10000);
}

TEST_CASE("barriers on a target hold exactly once", "[barriers]") {
  for (unsigned code = 0; code < 32; code++) {
    const Target target = {(code & 1) != 0, (code & 2) != 0, (code & 4) != 0, (code & 8) != 0, (code & 16) != 0};
    const Holds holds = WhereHeld(target);
    if (!target.changed || !target.guarded || !target.distributed) {
      CHECK(holds == Holds::Nowhere);
      continue;
    }
    const int times = (holds == Holds::InStatement ? 1 : 0) + (AddsItself(target) ? 1 : 0);
    CHECK(times == 1);
    CHECK((holds == Holds::OnShards) == AddsItself(target));
  }
}
