// SPDX-License-Identifier: PostgreSQL
// Tables of random values are cut into parts; what is merged of the parts' statistics is compared with the table itself.
#include "altius/core/statistics/merge.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "catch.hpp"

using namespace altius::core::statistics;

namespace {

constexpr int kNull = -1;
constexpr int kSlots = 20;  // common values and buckets

using Values = std::vector<int>;

/// What PostgreSQL's ANALYZE would say, which has seen all rows.
Column Analyze(const Values &values) {
  Column column{};
  std::map<int, int> counts;
  Values rest;
  for (const int value : values)
    if (value != kNull) counts[value]++;
  int not_null = 0;
  for (const auto &[value, count] : counts) not_null += count;
  column.rows = static_cast<double>(values.size());
  if (values.empty()) return column;
  column.null_fraction = 1 - not_null / column.rows;
  column.width = 4;
  const auto distinct = static_cast<double>(counts.size());
  column.distinct = distinct > 0.1 * column.rows ? -distinct / column.rows : distinct;
  const bool all = counts.size() <= kSlots;
  for (const auto &[value, count] : counts)
    if (all || count > 1.25 * not_null / distinct) column.common.push_back({value, count / column.rows});
  std::stable_sort(column.common.begin(), column.common.end(), [](auto &a, auto &b) { return a.fraction > b.fraction; });
  if (column.common.size() > kSlots) column.common.resize(kSlots);
  for (const int value : values) {
    const bool is_common = std::any_of(column.common.begin(), column.common.end(), [&](auto &one) { return one.value == value; });
    if (value != kNull && !is_common) rest.push_back(value);
  }
  std::sort(rest.begin(), rest.end());
  if (rest.empty() || rest.front() == rest.back()) return column;
  const int buckets = std::min<int>(kSlots, static_cast<int>(rest.size()) - 1);
  for (int i = 0; i <= buckets; i++) column.bounds.push_back(rest[(rest.size() - 1) * i / buckets]);
  return column;
}

/// As PostgreSQL's planner estimates `column < value`.
double ShareBelow(const Column &column, int value) {
  double share = 0;
  double common = 0;
  for (const Common &one : column.common) {
    common += one.fraction;
    if (one.value < value) share += one.fraction;
  }
  if (column.bounds.size() < 2) return share;
  const auto buckets = static_cast<double>(column.bounds.size() - 1);
  double below = 0;
  for (size_t i = 0; i + 1 < column.bounds.size(); i++) {
    const int low = column.bounds[i];
    const int high = column.bounds[i + 1];
    if (high < value) below += 1;
    else if (low < value) below += (value - low) / std::max(1.0, static_cast<double>(high - low));
  }
  return share + (1 - column.null_fraction - common) * below / buckets;
}

double TrueShareBelow(const Values &values, int value) {
  const auto below = std::count_if(values.begin(), values.end(), [&](int one) { return one != kNull && one < value; });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

struct Table {
  Values values;
  std::vector<Values> parts;
  bool disjoint;
};

/// `kind` says how the values are spread.
Table RandomTable(std::mt19937 &random, int kind, int part_count, bool disjoint) {
  Table table{{}, std::vector<Values>(static_cast<size_t>(part_count)), disjoint};
  const int rows = 20000;
  for (int i = 0; i < rows; i++) {
    const double unit = std::uniform_real_distribution<>(0, 1)(random);
    int value = 0;
    if (kind == 0) value = i;                                                         // all different
    if (kind == 1) value = static_cast<int>(unit * 12);                               // few
    if (kind == 2) value = static_cast<int>(unit * 3000);                             // many
    if (kind == 3) value = static_cast<int>(1000 * std::pow(unit, 4));                // skewed
    if (kind == 4) value = unit < 0.3 ? kNull : unit < 0.6 ? 7 : static_cast<int>(unit * 10000);
    if (kind == 5) value = i / 4;     // a few rows each
    if (kind == 6) value = i % 1000;  // many rows each, all the same number
    table.values.push_back(value);
    const auto hash = disjoint ? static_cast<unsigned>(value) * 2654435761U >> 8 : static_cast<unsigned>(random());
    table.parts[hash % static_cast<unsigned>(part_count)].push_back(value);
  }
  return table;
}

double CountOf(const Column &column) { return column.distinct < 0 ? -column.distinct * column.rows : column.distinct; }

void CheckAlike(const Table &table, const Column &merged) {
  const Column whole = Analyze(table.values);
  CHECK(merged.rows == Approx(whole.rows));
  CHECK(merged.null_fraction == Approx(whole.null_fraction).margin(1e-9));
  CHECK(merged.width == Approx(4));
  CHECK(CountOf(merged) > CountOf(whole) / 2);
  CHECK(CountOf(merged) < CountOf(whole) * 2);
  CHECK(std::is_sorted(merged.bounds.begin(), merged.bounds.end()));
  double mass = merged.null_fraction;
  for (const Common &one : merged.common) {
    mass += one.fraction;
    const auto count = std::count(table.values.begin(), table.values.end(), one.value);
    CHECK(std::abs(one.fraction - static_cast<double>(count) / whole.rows) < 0.01);
  }
  CHECK(mass <= 1 + 1e-9);
  for (int value = 0; value < 20000; value += 397)
    CHECK(std::abs(ShareBelow(merged, value) - TrueShareBelow(table.values, value)) < 0.06);
}

}  // namespace

TEST_CASE("statistics of parts make those of the table") {
  std::mt19937 random(1);
  for (int kind = 0; kind < 7; kind++) {
    for (const int part_count : {1, 2, 7, 32}) {
      for (const bool disjoint : {false, true}) {
        INFO("kind " << kind << ", parts " << part_count << ", disjoint " << disjoint);
        const Table table = RandomTable(random, kind, part_count, disjoint);
        std::vector<Column> parts;
        for (const Values &part : table.parts) parts.push_back(Analyze(part));
        CheckAlike(table, Merge(parts, {disjoint, kSlots, kSlots}));
      }
    }
  }
}

TEST_CASE("nodes merge their shards before the node that asks merges the nodes'") {
  std::mt19937 random(2);
  for (int kind = 0; kind < 7; kind++) {
    for (const bool disjoint : {false, true}) {
      INFO("kind " << kind << ", disjoint " << disjoint);
      const Table table = RandomTable(random, kind, 32, disjoint);
      std::vector<std::vector<Column>> shards(3);
      for (size_t i = 0; i < table.parts.size(); i++) shards[i % 3].push_back(Analyze(table.parts[i]));
      std::vector<Column> nodes;
      for (const auto &of_node : shards) nodes.push_back(Merge(of_node, {disjoint, kSlots, kSlots}));
      CheckAlike(table, Merge(nodes, {disjoint, kSlots, kSlots}));
    }
  }
}

TEST_CASE("how many different values parts have together") {
  CHECK(DistinctValues({100, 100}, {10, 10}, true) == 20);
  CHECK(DistinctValues({100, 100}, {100, 100}, false) == Approx(200));     // nothing is there twice
  CHECK(DistinctValues({1000, 1000}, {10, 10}, false) == Approx(10).epsilon(0.01));  // each part has all
  CHECK(DistinctValues({1000, 1000}, {10, 500}, false) >= 500);
  CHECK(DistinctValues({}, {}, false) == 0);
}

TEST_CASE("parts without rows, without values, without bounds") {
  CHECK(Merge({}, {false, 10, 10}).rows == 0);
  CHECK(Merge({Column{}, Column{}}, {false, 10, 10}).rows == 0);
  const Column nulls = Analyze(Values(50, kNull));
  const Column merged = Merge({nulls, Column{}, Analyze({1, 1, 2, kNull})}, {false, 10, 10});
  CHECK(merged.rows == 54);
  CHECK(merged.null_fraction == Approx(51.0 / 54));
  CHECK(merged.common == std::vector<Common>{{1, 2.0 / 54}, {2, 1.0 / 54}});
  CHECK(merged.bounds.empty());
  const Column empty = Merge({nulls}, {true, 10, 10});
  CHECK(empty.null_fraction == 1);
  CHECK(empty.common.empty());
}
