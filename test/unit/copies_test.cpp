// SPDX-License-Identifier: PostgreSQL
// The rule for copies of reference tables, spelled a second time by its reasons, and differences of bags of rows.
#include "altius/core/copies/difference.hpp"
#include "altius/core/copies/range_text.hpp"
#include "altius/core/copies/row_text.hpp"
#include "altius/core/copies/way.hpp"
#include "catch.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <random>
#include <string>
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
  if (!it.one_row && !it.partitioned) return true;
  // One row, which the leading copy has locked, is awaited here, and writers of a partitioned table have all copies for themselves:
  // unless rows are looked at as they were.
  return it.own_snapshot;
}

}  // namespace

TEST_CASE("A statement runs on each copy only where no copy can see anything else", "[copies]") {
  for (int bits = 0; bits < 128; bits++) {
    const CopyStatement it = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, (bits & 32) != 0,
                              (bits & 64) != 0};
    CHECK(IsCarried(it) == CopiesMayDiffer(it));
    const CopyLock lock = it.inserts_only ? CopyLock::Insert : CopyLock::Change;
    CHECK(LockFor(it, true) == (it.partitioned ? lock : CopyLock::None));
    CHECK(LockFor(it, false) == lock);
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
    const auto each = [](const std::vector<int>& rows) {
      return [&rows, at = rows.begin()]() mutable { return at == rows.end() ? nullptr : &*at++; };
    };
    auto next_has = each(has), next_wanted = each(wanted);
    Difference(
        [&] { return next_has(); }, [&] { return next_wanted(); }, [](int one, int other) { return one - other; },
        [&](int row) {
          mended.erase(std::find(mended.begin(), mended.end(), row));
          steps++;
        },
        [&](int row) {
          mended.push_back(row);
          steps++;
        });
    std::sort(mended.begin(), mended.end());
    CHECK(mended == wanted);
    std::vector<int> common;
    std::set_intersection(has.begin(), has.end(), wanted.begin(), wanted.end(), std::back_inserter(common));
    CHECK(steps == has.size() + wanted.size() - 2 * common.size());
  }
}

namespace {

/// Null when the text is no row.
std::optional<std::vector<std::optional<std::string>>> FieldsOf(std::string text) {
  RowText row(text.data());
  std::vector<std::optional<std::string>> fields;
  for (char* field = nullptr; row.Next(&field);) {
    fields.emplace_back(field == nullptr ? std::nullopt : std::optional<std::string>(field));
    if (row.AtEnd()) return fields;
  }
  return std::nullopt;
}

/// As record_out does.
std::string Written(const std::vector<std::optional<std::string>>& fields) {
  std::string text = "(";
  for (const auto& field : fields) {
    if (text.size() > 1 || &field != &fields.front()) text += ',';
    if (!field.has_value()) continue;
    text += '"';
    for (const char letter : *field) text += letter == '"' || letter == '\\' ? std::string(2, letter) : std::string(1, letter);
    text += '"';
  }
  return text + ')';
}

}  // namespace

TEST_CASE("Rows are taken apart as they were put together", "[copies]") {
  using Fields = std::vector<std::optional<std::string>>;
  CHECK(FieldsOf("(1,two)") == Fields{"1", "two"});
  CHECK(FieldsOf("(,\"\",x)") == Fields{std::nullopt, "", "x"});
  CHECK(FieldsOf("(\"a,)\"\"b\\\\\")") == Fields{"a,)\"b\\"});
  CHECK(FieldsOf("()") == Fields{std::nullopt});
  for (const char* broken : {"", "x", "(", "(1", "(1,", "(\"1)", "(1)x", "(\\", "1,2)"}) CHECK(!FieldsOf(broken).has_value());
  std::mt19937 random(7);
  const std::string letters = "ab\"\\,() ";
  for (int i = 0; i < 20000; i++) {
    Fields fields(1 + random() % 4);
    for (auto& field : fields) {
      if (random() % 4 == 0) continue;
      field.emplace();
      for (auto n = random() % 6; n > 0; n--) *field += letters[random() % letters.size()];
    }
    REQUIRE(FieldsOf(Written(fields)) == fields);
  }
}

TEST_CASE("No text leads the reader of rows out of it", "[copies]") {
  std::mt19937 random(8);
  const std::string letters = "a\"\\,()";
  for (int i = 0; i < 50000; i++) {
    std::string text = "(";
    for (auto n = random() % 10; n > 0; n--) text += letters[random() % letters.size()];
    const std::vector<char> exact(text.c_str(), text.c_str() + text.size() + 1);
    (void)FieldsOf(std::string(exact.data()));
  }
}

namespace {

/// The range as PostgreSQL writes it, bounds always quoted; nothing when the text is none or goes on behind it.
std::optional<std::string> RangeAgain(std::string text) {
  char* at = text.data();
  RangeText range;
  if (!TakeRange(&at, &range) || *at != '\0') return std::nullopt;
  if (range.empty) return "empty";
  const auto bound = [](const char* value) { return value == nullptr ? std::string() : '"' + std::string(value) + '"'; };
  return (range.lower_inclusive ? '[' : '(') + bound(range.lower) + ',' + bound(range.upper) + (range.upper_inclusive ? ']' : ')');
}

}  // namespace

TEST_CASE("Ranges are taken apart as PostgreSQL writes them", "[copies]") {
  CHECK(RangeAgain("[1,5)") == "[\"1\",\"5\")");
  CHECK(RangeAgain("(,\"a, b)\"]") == "(,\"a, b)\"]");
  CHECK(RangeAgain("[\"\",)") == "[\"\",)");
  CHECK(RangeAgain("empty") == "empty");
  for (const char* broken : {"", "1,5", "[", "[1", "[1,", "[1,5", "[1,5)x", "[\"1,5)", "[1]", "[1,\\", "emptyx"})
    CHECK(!RangeAgain(broken));
  std::mt19937 random(9);
  const std::string letters = "a\"\\,()[]";
  for (int i = 0; i < 50000; i++) {
    std::string text = "[";
    for (auto n = random() % 10; n > 0; n--) text += letters[random() % letters.size()];
    const std::vector<char> exact(text.c_str(), text.c_str() + text.size() + 1);
    (void)RangeAgain(std::string(exact.data()));
  }
}
