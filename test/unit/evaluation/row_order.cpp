// SPDX-License-Identifier: PostgreSQL
// Queries over a few rows in all orders: where core says that the order does not show, all give the same.
#include "altius/core/evaluation/row_order.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "chooser.hpp"

namespace {

using namespace altius::core::evaluation;
using evaluation_test::Chooser;

/// Equal by `value`; identical when they look the same, too.
struct Datum {
  int value = 0;
  std::string look;
};

using Row = std::vector<Datum>;

Datum Number(int value) { return {value, std::to_string(value)}; }

enum class Kind { Column, Count, Sum, Max, Array, OrderedArray, RowNumber, RunningCount };

struct Output {
  Kind kind;
  int column;
};

struct Statement {
  bool exact[2];  // whether equal values of the column are identical
  bool grouped = false;
  bool by[2] = {false, false};
  bool window = false;
  bool frame_of_rows = false;
  std::vector<Output> outputs;
  std::vector<int> sorted;  // numbers of outputs
  bool distinct = false, distinct_on = false, array = false;
  int limit = -1, offset = 0;
};

/// --- as PostgreSQL runs it ---

bool Before(const Row& one, const Row& other, const std::vector<int>& keys) {
  for (const int key : keys) {
    const auto i = static_cast<std::size_t>(key);
    if (one[i].value != other[i].value) return one[i].value < other[i].value;
  }
  return false;
}

Datum Computed(const Output& output, std::vector<Row> rows) {
  const auto column = static_cast<std::size_t>(output.column);
  if (output.kind == Kind::OrderedArray) {
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return Before(a, b, {output.column}); });
  }
  int sum = 0, most = -1;
  std::string looks, of_most;
  for (const Row& row : rows) {
    sum += row[column].value;
    looks += row[column].look + " ";
    if (row[column].value > most) of_most = row[column].look;
    most = std::max(most, row[column].value);
  }
  switch (output.kind) {
    case Kind::Column:
      return rows[0][column];
    case Kind::Count:
      return Number(static_cast<int>(rows.size()));
    case Kind::Sum:
      return Number(sum);
    case Kind::Max:
      return {most, of_most};
    default:
      return {sum, looks};
  }
}

std::vector<Row> Grouped(const Statement& statement, const std::vector<Row>& rows) {
  std::vector<std::pair<std::vector<int>, std::vector<Row>>> groups;
  if (!statement.by[0] && !statement.by[1]) groups.push_back({});
  for (const Row& row : rows) {
    std::vector<int> key;
    for (std::size_t i = 0; i < 2; i++) {
      if (statement.by[i]) key.push_back(row[i].value);
    }
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == key; });
    if (group == groups.end()) group = groups.insert(group, {key, {}});
    group->second.push_back(row);
  }
  std::vector<Row> result;
  for (const auto& [key, members] : groups) {
    Row row;
    for (const Output& output : statement.outputs) row.push_back(Computed(output, members));
    result.push_back(row);
  }
  return result;
}

/// Windows are ordered by the first column, and there is one partition.
Datum OverWindow(const Statement& statement, const Output& output, const std::vector<Row>& sorted, std::size_t at) {
  if (output.kind == Kind::RowNumber) return Number(static_cast<int>(at) + 1);
  std::vector<Row> frame;
  for (std::size_t i = 0; i < sorted.size(); i++) {
    if (statement.frame_of_rows ? i <= at : sorted[i][0].value <= sorted[at][0].value) frame.push_back(sorted[i]);
  }
  const Kind kind = output.kind == Kind::RunningCount ? Kind::Count : output.kind;
  return Computed({kind, output.column}, frame);
}

std::vector<Row> Plain(const Statement& statement, std::vector<Row> rows) {
  if (statement.window) {
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return Before(a, b, {0}); });
  }
  std::vector<Row> result;
  for (std::size_t at = 0; at < rows.size(); at++) {
    Row row;
    for (const Output& output : statement.outputs) {
      const bool column = output.kind == Kind::Column;
      row.push_back(column ? rows[at][static_cast<std::size_t>(output.column)] : OverWindow(statement, output, rows, at));
    }
    result.push_back(row);
  }
  return result;
}

/// Keeps the first one of rows that are equal in `columns` columns.
void KeepFirst(std::vector<Row>* rows, std::size_t columns) {
  std::vector<Row> kept;
  for (const Row& row : *rows) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const Row& other) {
      for (std::size_t i = 0; i < columns; i++) {
        if (other[i].value != row[i].value) return false;
      }
      return true;
    });
    if (!known) kept.push_back(row);
  }
  *rows = kept;
}

std::string Run(const Statement& statement, const std::vector<Row>& input) {
  std::vector<Row> rows = statement.grouped ? Grouped(statement, input) : Plain(statement, input);
  if (statement.distinct) KeepFirst(&rows, statement.outputs.size());
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return Before(a, b, statement.sorted); });
  if (statement.distinct_on) KeepFirst(&rows, 1);
  std::vector<std::string> result;
  for (std::size_t i = static_cast<std::size_t>(statement.offset); i < rows.size(); i++) {
    if (statement.limit >= 0 && result.size() == static_cast<std::size_t>(statement.limit)) break;
    std::string look;
    for (const Datum& datum : rows[i]) look += datum.look + "|";
    result.push_back(look);
  }
  if (!statement.array) std::sort(result.begin(), result.end());
  std::string all;
  for (const std::string& row : result) all += row + "\n";
  return all;
}

/// --- as core is told of it ---

Sorted LooksOf(const Statement& statement, const Output& output) {
  if (output.kind == Kind::Column || output.kind == Kind::Max) return statement.exact[output.column] ? Sorted::Identical : Sorted::Equal;
  return output.kind == Kind::Array || output.kind == Kind::OrderedArray ? Sorted::Equal : Sorted::Identical;
}

bool IsSorted(const Statement& statement, std::size_t output) {
  return std::find(statement.sorted.begin(), statement.sorted.end(), static_cast<int>(output)) != statement.sorted.end();
}

Shows Said(const Statement& statement) {
  std::vector<Sorted> columns;
  std::vector<Call> calls;
  std::vector<std::vector<Sorted>> arguments(statement.outputs.size());
  Level level;
  for (std::size_t i = 0; i < statement.outputs.size(); i++) {
    const Output& output = statement.outputs[i];
    columns.push_back(IsSorted(statement, i) ? LooksOf(statement, output) : Sorted::No);
    if (statement.distinct && LooksOf(statement, output) != Sorted::Identical) level.one_of_equal = true;
    if (output.kind == Kind::Column) continue;
    Call call;
    if (output.kind == Kind::Count || output.kind == Kind::Sum || output.kind == Kind::RunningCount) call.takes = Call::Takes::Values;
    if (output.kind == Kind::Max) call.takes = Call::Takes::OneOfEqual;
    call.identical = statement.exact[output.column];
    if (output.kind == Kind::OrderedArray) {
      arguments[i] = {statement.exact[output.column] ? Sorted::Identical : Sorted::Equal};
      call.arguments = arguments[i];
    }
    calls.push_back(call);
  }
  for (int i = 0; i < 2; i++) level.one_of_equal = level.one_of_equal || (statement.by[i] && !statement.exact[i]);
  level.columns = columns;
  level.calls = calls;
  level.limited = statement.limit >= 0 || statement.offset > 0;
  level.first_of_group = statement.distinct_on;
  level.counts_rows = statement.frame_of_rows;
  level.array = statement.array;
  return WhatShowsOrder(level);
}

/// --- any statement ---

Statement Generate(Chooser& choose) {
  Statement statement;
  for (bool& exact : statement.exact) exact = choose.Any(3) != 0;
  statement.grouped = choose.Any(3) == 0;
  statement.window = !statement.grouped && choose.Any(3) == 0;
  for (bool& by : statement.by) by = statement.grouped && choose.Any(2) == 0;
  statement.frame_of_rows = statement.window && choose.Any(3) == 0;
  constexpr Kind kAggregates[] = {Kind::Count, Kind::Sum, Kind::Max, Kind::Array, Kind::OrderedArray};
  constexpr Kind kWindows[] = {Kind::Sum, Kind::Max, Kind::RowNumber, Kind::RunningCount};
  for (int i = choose.Any(2); i >= 0; i--) {
    const int column = choose.Any(2);
    const bool plain = statement.grouped ? statement.by[column] && choose.Any(2) == 0 : !statement.window || choose.Any(2) == 0;
    const Kind called = statement.grouped ? kAggregates[choose.Any(5)] : kWindows[choose.Any(4)];
    statement.outputs.push_back({plain ? Kind::Column : called, column});
  }
  statement.distinct = choose.Any(4) == 0;
  statement.distinct_on = !statement.distinct && choose.Any(4) == 0;
  if (statement.distinct_on) statement.sorted.push_back(0);
  for (int i = 0; i < static_cast<int>(statement.outputs.size()); i++) {
    if ((i > 0 || !statement.distinct_on) && choose.Any(3) != 0) statement.sorted.push_back(i);
  }
  if (choose.Any(3) == 0) statement.limit = 1 + choose.Any(2);
  if (choose.Any(6) == 0) statement.offset = 1;
  statement.array = choose.Any(5) == 0;
  return statement;
}

std::vector<Row> Table(Chooser& choose, const Statement& statement) {
  std::vector<Row> rows;
  for (int i = 2 + choose.Any(2); i > 0; i--) {
    Row row;
    for (const bool exact : statement.exact) {
      const int value = choose.Any(2);
      row.push_back({value, std::to_string(value) + (!exact && choose.Any(2) == 0 ? ".0" : "")});
    }
    rows.push_back(row);
  }
  return rows;
}

/// Whether some order of some table's rows gives another result.
bool Differs(Chooser& choose, const Statement& statement, int tables) {
  for (int table = 0; table < tables; table++) {
    const std::vector<Row> rows = Table(choose, statement);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < rows.size(); i++) order.push_back(i);
    const std::string first = Run(statement, rows);
    while (std::next_permutation(order.begin(), order.end())) {
      std::vector<Row> other;
      for (const std::size_t i : order) other.push_back(rows[i]);
      if (Run(statement, other) != first) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("where the order of rows is said not to show it does not", "[evaluation]") {
  Chooser choose;
  int blind = 0, needless = 0, seen = 0;
  for (int i = 0; i < evaluation_test::Share(20000); i++) {
    const Statement statement = Generate(choose);
    const bool shows = Said(statement) != Shows::Nothing;
    const bool differs = Differs(choose, statement, shows ? 40 : 12);
    blind += shows ? 0 : 1;
    seen += shows ? 1 : 0;
    needless += shows && !differs ? 1 : 0;
    INFO("statement " << i);
    REQUIRE((shows || !differs));
  }
  CHECK(blind > evaluation_test::Share(4000));
  CHECK(needless < seen / 2);  // one row in all, frames by rows of what ties do not change, keys of groups that nothing shows
}
