// SPDX-License-Identifier: PostgreSQL
#include "altius/core/statistics/merge.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace altius::core::statistics {
namespace {

constexpr double kShareOfRows = 0.1;   // more values than this share of the rows grow with the table (PostgreSQL's ANALYZE)
constexpr double kMoreThanRest = 1.25;  // how much more often than the others a common value is there

double Mass(const std::vector<Common> &common) {
  double mass = 0;
  for (const Common &value : common) mass += value.fraction;
  return mass;
}

/// Rows of the part that are neither null nor common.
double RestOf(const Column &part) { return std::max(0.0, part.rows * (1 - part.null_fraction - Mass(part.common))); }

double NotNull(const Column &part) { return part.rows * (1 - part.null_fraction); }

/// The part's number of different values.  Where it is not known, as many as PostgreSQL assumes.
double DistinctOf(const Column &part) {
  constexpr double kUnknown = 200;
  const double count = part.distinct > 0 ? part.distinct : part.distinct < 0 ? -part.distinct * part.rows : kUnknown;
  return std::min(count, std::max(1.0, NotNull(part)));
}

/// How many different values `rows` rows show that are drawn from `values`.
double Shown(double values, double rows) { return values * -std::expm1(-rows / values); }

double SumOf(const std::vector<double> &numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

double SumShown(double values, const std::vector<double> &rows) {
  double sum = 0;
  for (const double number : rows) sum += Shown(values, number);
  return sum;
}

/// Rows of a part that a value may be expected to have which is not among its common ones, when the whole has `values` different ones:
/// an even share of the rest, and no more than the rarest of the common ones.
double RowsOfUncommon(const Column &part, double values) {
  double rows = RestOf(part) / std::max(1.0, values - static_cast<double>(part.common.size()));
  for (const Common &value : part.common) rows = std::min(rows, value.fraction * part.rows);
  return rows;
}

/// Rows of each value that is common in a part.
std::map<int, double> RowsOfCommon(const std::vector<Column> &parts, double values, bool disjoint) {
  std::map<int, double> rows;
  double elsewhere = 0;
  for (const Column &part : parts) elsewhere += disjoint ? 0 : RowsOfUncommon(part, values);
  for (const Column &part : parts) {
    for (const Common &value : part.common) {
      const auto [it, is_new] = rows.try_emplace(value.value, elsewhere);
      it->second += value.fraction * part.rows - (disjoint ? 0 : RowsOfUncommon(part, values));
    }
  }
  return rows;
}

/// The most frequent first; among equals the lower value.
std::vector<Common> CommonOf(const std::map<int, double> &rows, const Column &whole, double distinct, int most) {
  std::vector<Common> common;
  for (const auto &[value, count] : rows) common.push_back({value, std::min(1.0, count / whole.rows)});
  std::stable_sort(common.begin(), common.end(), [](const Common &a, const Common &b) { return a.fraction > b.fraction; });
  const bool all = distinct <= static_cast<double>(std::min<size_t>(common.size(), static_cast<size_t>(most)));
  const double average = (1 - whole.null_fraction) / std::max(1.0, distinct);
  const auto is_rare = [&](const Common &value) { return value.fraction <= (all ? 0 : kMoreThanRest * average); };
  common.erase(std::find_if(common.begin(), common.end(), is_rare), common.end());
  if (common.size() > static_cast<size_t>(most)) common.resize(static_cast<size_t>(most));
  return common;
}

/// A value and how many rows lie about there.
using Point = std::pair<int, double>;

/// The rest of each part as points: a bound stands for half the rows on each side of it.
void AddBounds(const Column &part, std::vector<Point> *points) {
  if (part.bounds.size() < 2) return;
  const double bucket = RestOf(part) / static_cast<double>(part.bounds.size() - 1);
  for (size_t i = 0; i < part.bounds.size(); i++) {
    const bool is_end = i == 0 || i + 1 == part.bounds.size();
    points->push_back({part.bounds[i], is_end ? bucket / 2 : bucket});
  }
}

/// Everything that is not common in the whole.
std::vector<Point> Points(const std::vector<Column> &parts, const std::vector<Common> &common) {
  std::vector<Point> points;
  for (const Column &part : parts) {
    AddBounds(part, &points);
    for (const Common &value : part.common) points.push_back({value.value, value.fraction * part.rows});
  }
  std::erase_if(points, [&](const Point &point) {
    return std::any_of(common.begin(), common.end(), [&](const Common &value) { return value.value == point.first; });
  });
  std::stable_sort(points.begin(), points.end(), [](const Point &a, const Point &b) { return a.first < b.first; });
  return points;
}

/// Bounds of equal shares of the points' rows.
std::vector<int> BoundsOf(const std::vector<Point> &points, int buckets) {
  if (points.empty() || points.front().first == points.back().first) return {};
  double total = 0;
  for (const Point &point : points) total += point.second;
  const int parts = std::min(buckets, static_cast<int>(points.size()) - 1);
  std::vector<int> bounds{points.front().first};
  double passed = 0;
  size_t at = 0;
  for (int i = 1; i < parts; i++) {
    while (at + 1 < points.size() && passed + points[at].second < total * i / parts) passed += points[at++].second;
    bounds.push_back(points[at].first);
  }
  bounds.push_back(points.back().first);
  return bounds;
}

/// Averages, weighted by rows.
void Average(const std::vector<Column> &parts, Column *whole) {
  double not_null = 0;
  for (const Column &part : parts) {
    whole->rows += part.rows;
    not_null += NotNull(part);
  }
  if (whole->rows <= 0) return;
  whole->null_fraction = 1 - not_null / whole->rows;
  for (const Column &part : parts) {
    whole->correlation += part.correlation * part.rows / whole->rows;
    if (not_null > 0) whole->width += part.width * NotNull(part) / not_null;
  }
}

/// Values that are common in more than half of the parts: they are so in the whole, too.  What few parts have so is chance.
std::set<int> CommonInMost(const std::vector<Column> &parts) {
  std::map<int, size_t> counts;
  for (const Column &part : parts)
    for (const Common &value : part.common) counts[value.value]++;
  std::set<int> values;
  for (const auto &[value, count] : counts)
    if (count * 2 > parts.size()) values.insert(value);
  return values;
}

/// The number of different values.  What is said of values at random holds for those that are not common in most parts.
double ValuesOf(const std::vector<Column> &parts, bool disjoint) {
  const std::set<int> known = CommonInMost(parts);
  std::vector<double> rows;
  std::vector<double> distinct;
  double greatest = 0;
  double sum = 0;
  for (const Column &part : parts) {
    double rest = NotNull(part);
    double values = DistinctOf(part);
    greatest = std::max(greatest, values);
    sum += values;
    for (const Common &value : part.common) {
      if (!known.contains(value.value)) continue;
      rest -= value.fraction * part.rows;
      values--;
    }
    rows.push_back(std::max(0.0, rest));
    distinct.push_back(std::max(0.0, std::min(values, rest)));
  }
  return std::clamp(static_cast<double>(known.size()) + DistinctValues(rows, distinct, disjoint), greatest, sum);
}

}  // namespace

double DistinctValues(const std::vector<double> &rows, const std::vector<double> &distinct, bool disjoint) {
  const double sum = SumOf(distinct);
  if (disjoint || distinct.empty()) return sum;
  const double greatest = *std::max_element(distinct.begin(), distinct.end());
  const double all_rows = SumOf(rows);
  double low = std::max(1.0, greatest);
  if (SumShown(low, rows) >= sum) return greatest;
  double high = low;
  while (SumShown(high, rows) < sum && high < 1e15) high *= 2;
  for (int i = 0; i < 60; i++) {
    const double middle = (low + high) / 2;
    (SumShown(middle, rows) < sum ? low : high) = middle;
  }
  return std::clamp(Shown(high, all_rows), greatest, sum);
}

Column Merge(const std::vector<Column> &all, const Target &target) {
  std::vector<Column> parts;
  for (const Column &part : all)
    if (part.rows > 0) parts.push_back(part);
  Column whole{};
  Average(parts, &whole);
  if (whole.rows <= 0) return whole;
  std::erase_if(parts, [](const Column &part) { return NotNull(part) <= 0; });
  const double values = ValuesOf(parts, target.disjoint);
  whole.distinct = values > kShareOfRows * whole.rows ? -std::min(1.0, values / whole.rows) : values;
  whole.common = CommonOf(RowsOfCommon(parts, values, target.disjoint), whole, values, target.common);
  whole.bounds = BoundsOf(Points(parts, whole.common), target.buckets);
  return whole;
}

}  // namespace altius::core::statistics
