// SPDX-License-Identifier: PostgreSQL
// Random plans of a few steps over tables of a few rows, with a hash join on top: with all rows of
// one table, and without those that have none of the join's keys.
#include "altius/core/evaluation/missing_rows.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "../catch.hpp"
#include "chooser.hpp"

namespace {

using namespace altius::core::evaluation;
using evaluation_test::Chooser;

using Value = std::optional<int>;
using Row = std::vector<Value>;
using Rows = std::vector<Row>;

bool Equal(const Value& left, const Value& right) { return left.has_value() && left == right; }

Row Joined(const Row& left, const Row& right) {
  Row row = left;
  row.insert(row.end(), right.begin(), right.end());
  return row;
}

struct On {
  std::size_t outer, inner;  // columns
};

bool KeepsOuter(Step step) { return step == Step::LeftJoin || step == Step::FullJoin; }
bool KeepsInner(Step step) { return step == Step::RightJoin || step == Step::FullJoin; }

Rows Join(Step step, const On& on, const Rows& outer, const Rows& inner, std::size_t outer_width,
          std::size_t inner_width) {
  Rows result;
  std::vector<bool> met(inner.size());
  for (const Row& left : outer) {
    bool found = false;
    for (std::size_t i = 0; i < inner.size(); i++) {
      if (!Equal(left[on.outer], inner[i][on.inner])) continue;
      found = met[i] = true;
      if (step != Step::SemiJoin && step != Step::AntiJoin)
        result.push_back(Joined(left, inner[i]));
    }
    if (step == Step::SemiJoin ? found : step == Step::AntiJoin && !found) result.push_back(left);
    if (!found && KeepsOuter(step)) result.push_back(Joined(left, Row(inner_width)));
  }
  for (std::size_t i = 0; i < inner.size(); i++)
    if (!met[i] && KeepsInner(step)) result.push_back(Joined(Row(outer_width), inner[i]));
  return result;
}

/// A plan under the join on top: a chain of steps, the first of which reads the table that may lack
/// rows.
struct Link {
  Step step;
  Side side;  // of a join: where the chain comes from
  On on;
  Rows other;
  std::size_t column;  // that groups and partitions are made by
};

struct Plan {
  std::vector<Link> links;
  std::size_t tracked;  // column of the result that is the table's
  std::size_t width;
  bool allowed;  // core says so for each step
};

constexpr std::size_t kWidth = 2;  // of tables

Rows AnyRows(Chooser* choose) {
  Rows rows(static_cast<std::size_t>(choose->Any(4)));
  for (Row& row : rows)
    for (std::size_t i = 0; i < kWidth; i++)
      row.push_back(choose->Any(5) == 0 ? Value{} : Value{choose->Any(4)});
  return rows;
}

std::size_t Below(Chooser* choose, std::size_t count) {
  return static_cast<std::size_t>(choose->Any(static_cast<int>(count)));
}

Plan AnyPlan(Chooser* choose) {
  Plan plan = {{}, Below(choose, kWidth), kWidth, true};
  for (int steps = choose->Any(4); steps > 0; steps--) {
    Link link{static_cast<Step>(choose->Any(10)),
              choose->Any(2) == 0 ? Side::Outer : Side::Inner,
              {},
              AnyRows(choose),
              Below(choose, plan.width)};
    const bool one_sided = link.step == Step::SemiJoin || link.step == Step::AntiJoin;
    if (one_sided) link.side = Side::Outer;  // else the column is gone
    const bool outer = link.side == Side::Outer;
    link.on = {Below(choose, outer ? plan.width : kWidth),
               Below(choose, outer ? kWidth : plan.width)};
    plan.allowed = plan.allowed && MayLackRows(link.step, link.side, link.column == plan.tracked);
    if (link.step <= Step::FullJoin) {
      if (!outer) plan.tracked += kWidth;
      plan.width += kWidth;
    }
    if (link.step == Step::Window) plan.width++;
    plan.links.push_back(link);
  }
  return plan;
}

/// Of each group the largest values, and in the place of the first column but that of the group,
/// how many rows it has.
Rows Group(const Rows& rows, std::size_t column) {
  Rows groups;
  std::vector<int> counts;
  for (const Row& row : rows) {
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Row& other) { return other[column] == row[column]; });
    if (group == groups.end()) {
      groups.push_back(row);
      counts.push_back(1);
      continue;
    }
    counts[static_cast<std::size_t>(group - groups.begin())]++;
    for (std::size_t i = 0; i < row.size(); i++) (*group)[i] = std::max((*group)[i], row[i]);
  }
  for (std::size_t i = 0; i < groups.size(); i++)
    if (column != 0) groups[i][0] = counts[i];
  return groups;
}

Rows Counted(Rows rows, std::size_t column) {
  const Rows all = rows;
  for (Row& row : rows)
    row.emplace_back(static_cast<int>(std::count_if(
        all.begin(), all.end(), [&](const Row& other) { return other[column] == row[column]; })));
  return rows;
}

Rows Run(const Link& link, const Rows& rows, std::size_t width) {
  switch (link.step) {
    case Step::Pass: {
      Rows kept;
      std::copy_if(rows.begin(), rows.end(), std::back_inserter(kept),
                   [&](const Row& row) { return row[link.column] != Value{2}; });
      return kept;
    }
    case Step::Group:
      return Group(rows, link.column);
    case Step::Window:
      return Counted(rows, link.column);
    case Step::FirstRows:
      return {rows.begin(),
              rows.begin() + std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(rows.size()))};
    default:
      return link.side == Side::Outer ? Join(link.step, link.on, rows, link.other, width, kWidth)
                                      : Join(link.step, link.on, link.other, rows, kWidth, width);
  }
}

Rows Run(const Plan& plan, Rows rows) {
  std::size_t width = kWidth;
  for (const Link& link : plan.links) {
    rows = Run(link, rows, width);
    if (link.step <= Step::FullJoin) width += kWidth;
    if (link.step == Step::Window) width++;
  }
  return rows;
}

Rows Sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

Rows WithKeys(const Rows& rows, std::size_t column, const Rows& keys) {
  Rows kept;
  for (const Row& row : rows)
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const Row& key) { return Equal(row[column], key[0]); }))
      kept.push_back(row);
  return kept;
}

/// The join above everything, with rows that have the keys in their first column.
Rows Top(Step join, Side side, const Plan& plan, const Rows& table, const Rows& keys) {
  if (side == Side::Outer) return Join(join, {plan.tracked, 0}, Run(plan, table), keys, plan.width, kWidth);
  return Join(join, {0, plan.tracked}, keys, Run(plan, table), kWidth, plan.width);
}

}  // namespace

TEST_CASE("rows without a key of the join above may be missing", "[evaluation]") {
  Chooser choose;
  int lacking = 0;
  for (int number = 0; number < evaluation_test::Share(60000); number++) {
    const std::size_t column = Below(&choose, kWidth);
    Plan plan = AnyPlan(&choose);
    // The tracked column of the plan is the table's `column`.
    if ((plan.tracked - column) % kWidth != 0) continue;
    const Rows table = AnyRows(&choose);
    const Rows keys = AnyRows(&choose);
    const auto top = static_cast<Step>(choose.Any(6));
    const Side side = choose.Any(2) == 0 ? Side::Outer : Side::Inner;
    if (!plan.allowed || !DropsWithoutKey(top, side)) continue;
    const Rows fewer = WithKeys(table, column, keys);
    lacking += fewer.size() < table.size();
    INFO("plan " << number);
    const Rows below = Sorted(Run(plan, table));
    const Rows below_fewer = Sorted(Run(plan, fewer));
    REQUIRE(std::includes(below.begin(), below.end(), below_fewer.begin(), below_fewer.end()));
    REQUIRE(Sorted(Top(top, side, plan, table, keys)) == Sorted(Top(top, side, plan, fewer, keys)));
  }
  CHECK(lacking > evaluation_test::Share(1000));
}
