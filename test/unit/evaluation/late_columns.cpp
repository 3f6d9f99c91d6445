// SPDX-License-Identifier: PostgreSQL
// Rows on two shard groups, of which each gives its first ones: a column is computed for the rows for which PostgreSQL computes it.
#include "altius/core/evaluation/late_columns.hpp"

#include <set>
#include <vector>

#include "../catch.hpp"

namespace {

using namespace altius::core::evaluation;

/// Rows are numbered in the order of the ORDER BY; those with an even number lie on one shard group, the others on the other.
constexpr int kRows = 5;
using Rows = std::set<int>;

Rows All() { return {0, 1, 2, 3, 4}; }
Rows First(const Rows& rows, int limit) {
  Rows first;
  for (const int row : rows) {
    if (static_cast<int>(first.size()) < limit) first.insert(row);
  }
  return first;
}

Rows OfShard(int shard) {
  Rows rows;
  for (int row = shard; row < kRows; row += 2) rows.insert(row);
  return rows;
}

/// For which of the rows a server computes the column.  What a subquery costs is its plan's secret: `late_subquery`.
Rows ComputedBy(const Selection& selection, const ResultColumn& column, bool late_subquery, const Rows& rows, int limit) {
  const bool expensive = column.costly || (column.subquery && late_subquery);
  const bool late = selection.sorted && selection.counted && !selection.distinct && !selection.set_returning && !column.compared &&
                    !column.plain && (column.is_volatile || expensive);
  return late ? First(rows, limit) : rows;
}

}  // namespace

TEST_CASE("columns are computed for the rows for which PostgreSQL computes them", "[evaluation]") {
  int late = 0, checked = 0;
  for (int bits = 0; bits < 1 << 10; bits++) {
    const auto bit = [&](int number) { return (bits >> number & 1) != 0; };
    const Selection selection = {bit(0), bit(1), bit(2), bit(3)};
    const ResultColumn column = {bit(4), bit(5), bit(6), bit(7), bit(8)};
    // Shard groups get no call of a volatile function, and give their first rows only where there is LIMIT.
    const Late why = WhyLate(selection, column);
    late += why != Late::No ? 1 : 0;
    for (int limit = 1; limit <= kRows; limit++) {
      const Rows wanted = ComputedBy(selection, column, bit(9), All(), limit);
      Rows computed;
      if (why != Late::No) {
        computed = First(All(), limit);
      } else {
        for (const int shard : {0, 1}) computed.merge(ComputedBy(selection, column, bit(9), OfShard(shard), limit));
      }
      const bool spread = selection.sorted && selection.counted && column.subquery && !column.compared && !column.plain;
      // A subquery is computed where its tables lie, for the first rows of each shard group.
      if (spread && computed != wanted) {
        REQUIRE(std::includes(computed.begin(), computed.end(), wanted.begin(), wanted.end()));
        continue;
      }
      INFO("choice " << bits << " limit " << limit);
      REQUIRE(computed == wanted);
      checked++;
    }
    INFO("choice " << bits);
    if (column.plain || column.compared || column.subquery) REQUIRE(why == Late::No);
    REQUIRE((why == Late::Volatile) == (why != Late::No && column.is_volatile));
  }
  CHECK(late > 5);
  CHECK(checked > 4000);
}
