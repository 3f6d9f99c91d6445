// SPDX-License-Identifier: PostgreSQL
// Modifications of one WITH: in any order that the plan allows none sees another one's work.
#include "altius/core/order/order.hpp"
#include "catch.hpp"

#include <algorithm>
#include <random>
#include <vector>

using namespace altius::core::order;

namespace {

struct Case {
  std::vector<Modification> all;
  std::vector<int> first;
  std::vector<Kept> kept;
};

Case Arranged(std::vector<Modification> all) {
  Case made = {std::move(all), {}, {}};
  const std::size_t count = made.all.size();
  made.first.resize(count);
  made.kept.resize(2 * count * count);
  Plan plan = {made.all.data(), static_cast<int>(count), made.first.data(), 0, made.kept.data(), 0};
  Arrange(&plan);
  made.first.resize(plan.first_count);
  made.kept.resize(plan.kept_count);
  return made;
}

bool Sees(const Case& made, int one, int other) {
  const Plan plan = {const_cast<Modification*>(made.all.data()), static_cast<int>(made.all.size()), nullptr, 0, nullptr, 0};
  return altius::core::order::Sees(plan, one, other);
}

bool Needs(const Case& made, int unit, int other) {
  for (const Modification& one : made.all) {
    if (one.unit != unit) continue;
    for (std::size_t i = 0; i < made.all.size(); i++) {
      if (made.all[i].unit == other && (one.waits >> i & 1) != 0) return true;
    }
  }
  return false;
}

/// Runs the unit, those whose result it needs before it.
void Run(const Case& made, int unit, std::vector<int>* ran) {
  if (std::find(ran->begin(), ran->end(), unit) != ran->end()) return;
  for (int other = 0; other < static_cast<int>(made.all.size()); other++) {
    if (other != unit && made.all[other].unit == other && Needs(made, unit, other)) Run(made, other, ran);
  }
  ran->push_back(unit);
}

/// What runs later sees nothing of what ran before.
bool IsClean(const Case& made, const std::vector<int>& order) {
  std::vector<int> ran;
  for (const int unit : made.first) Run(made, unit, &ran);
  for (const int unit : order) Run(made, unit, &ran);
  const auto place = [&](int one) { return std::find(ran.begin(), ran.end(), made.all[one].unit) - ran.begin(); };
  for (int one = 0; one < static_cast<int>(made.all.size()); one++) {
    for (int other = 0; other < static_cast<int>(made.all.size()); other++) {
      if (!made.all[one].itself && !made.all[other].itself && place(other) < place(one) && Sees(made, one, other)) return false;
    }
  }
  return true;
}

std::vector<Modification> Random(std::mt19937& random) {
  const auto below = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  std::vector<Modification> all(1 + below(5));
  const int count = static_cast<int>(all.size());
  const int tables = 1 + below(3);
  std::vector<unsigned> read(count);
  for (int i = 0; i < count; i++) {
    all[i].kind = static_cast<Kind>(below(4));
    all[i].target = below(tables);
    all[i].itself = i == count - 1 && below(2) == 0;
    read[i] = static_cast<unsigned>(below(1 << tables)) & static_cast<unsigned>(below(1 << tables));
  }
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < count; j++) {
      if (i == j) continue;
      if ((read[i] >> all[j].target & 1) != 0) all[i].reads |= Others{1} << j;
      if (i < j && all[i].kind == Kind::Update && all[j].kind == Kind::Update && below(3) == 0) {
        all[i].disjoint |= Others{1} << j;
        all[j].disjoint |= Others{1} << i;
      }
    }
  }
  for (int i = 0; i < count; i++) {  // some are read by one later one, which takes them along, or by several
    all[i].shared = below(3) == 0;
    for (int reader = i + 1, readers = 0; reader < count; reader++) {
      if (below(3) != 0 || (readers > 0 && !all[i].shared)) continue;
      all[reader].results |= Others{1} << i;
      readers++;
    }
  }
  return all;
}

/// Who reads another one's result runs together with it, or waits for it.
bool HasItsResults(const Case& made) {
  for (const Modification& one : made.all) {
    for (std::size_t i = 0; i < made.all.size(); i++) {
      const bool reads = !one.itself && (one.results >> i & 1) != 0;
      if (reads && one.unit != made.all[i].unit && (one.waits >> i & 1) == 0) return false;
    }
  }
  return true;
}

std::vector<int> Units(const Case& made) {
  std::vector<int> units;
  for (int i = 0; i < static_cast<int>(made.all.size()); i++) {
    if (made.all[i].unit == i && !made.all[i].itself) units.push_back(i);
  }
  return units;
}

}  // namespace

TEST_CASE("modifications that read what others change run before them") {
  Modification a, b;
  a.kind = b.kind = Kind::Delete;
  b.target = 1;
  b.reads = 1;
  const Case made = Arranged({a, b});
  CHECK(made.first == std::vector<int>{1});
  CHECK(made.kept.empty());
}

TEST_CASE("of two that read what each other change one reads before") {
  Modification a, b;
  a.kind = b.kind = Kind::Update;
  b.target = 1;
  a.reads = 2;
  b.reads = 1;
  const Case made = Arranged({a, b});
  REQUIRE(made.kept.size() == 1);
  CHECK((made.kept[0].reader == 1 && made.kept[0].other == 0 && !made.kept[0].target));
  CHECK(made.first == std::vector<int>{0});
}

TEST_CASE("an UPDATE of rows that an earlier one may change, too") {
  Modification a, b;
  a.kind = b.kind = Kind::Update;
  const Case made = Arranged({a, b});
  REQUIRE(made.kept.size() == 1);
  CHECK((made.kept[0].reader == 1 && made.kept[0].target));
  a.disjoint = 2;
  b.disjoint = 1;
  CHECK(Arranged({a, b}).kept.empty());
}

TEST_CASE("what leaves no trace for the other one") {
  Modification a, b;
  CHECK(Arranged({a, b}).first.empty());  // an INSERT looks for no rows
  a.kind = Kind::Update;
  b.kind = Kind::Delete;
  CHECK(Arranged({a, b}).first == std::vector<int>{1});  // the DELETE must find rows as they were, the UPDATE needs none that are gone
  CHECK(Arranged({a, b}).kept.empty());
  a.kind = Kind::Delete;
  CHECK(Arranged({a, b}).first.empty());
  b.kind = Kind::Insert;
  CHECK(Arranged({a, b}).first == std::vector<int>{0});
}

TEST_CASE("one that needs the rows which another one inserts does not change these") {
  Modification a, b;
  b.kind = Kind::Update;
  a.shared = true;
  b.results = 1;
  const Case made = Arranged({a, b});
  REQUIRE(made.kept.size() == 1);
  CHECK((made.kept[0].reader == 1 && made.kept[0].target));
}

TEST_CASE("random modifications see nothing of one another, in whatever order the plan leaves open") {
  std::mt19937 random(20260101);
  int checked = 0, needless = 0;
  for (int i = 0; i < 60000; i++) {
    const std::vector<Modification> all = Random(random);
    const Case made = Arranged(all);
    std::vector<int> order = Units(made);
    bool clean = true, ordered = false;
    Case bare = made;  // nothing is read before
    bare.first.clear();
    for (std::size_t one = 0; one < all.size(); one++) {
      bare.all[one].reads = all[one].reads;
      bare.all[one].only_old = false;
    }
    do {
      clean = clean && IsClean(made, order);
      ordered = ordered || IsClean(bare, order);
    } while (std::next_permutation(order.begin(), order.end()));
    REQUIRE(clean);
    REQUIRE(HasItsResults(made));
    needless += ordered && !made.kept.empty();
    checked++;
  }
  CHECK(checked > 30000);
  CHECK(needless == 0);  // where an order is enough nothing is read before
}

namespace {

/// Rows of two columns; an UPDATE sets a column to the other one or to a number.
struct Changing {
  std::vector<Pin> pins;
  std::vector<int> sets;

  explicit Changing(unsigned bits) {
    for (int column = 0; column < 2; column++, bits >>= 3) {
      if ((bits & 3) != 3) pins.push_back({column, static_cast<int>(bits & 3)});
      if ((bits & 4) != 0) sets.push_back(column);
    }
  }

  Update AsUpdate() const { return {pins.data(), static_cast<int>(pins.size()), sets.data(), static_cast<int>(sets.size())}; }
  bool Meets(const int* row) const {
    return std::all_of(pins.begin(), pins.end(), [&](const Pin& pin) { return row[pin.column] == pin.value; });
  }
  /// Whether the other one meets what this one can make of the row.
  bool MakesRowFor(const Changing& other, const int* row) const {
    for (int first = 0; first < 3; first++) {
      for (int second = 0; second < 3; second++) {
        int made[2] = {row[0], row[1]};
        for (const int column : sets) made[column] = column == 0 ? first : second;
        if (other.Meets(made)) return true;
      }
    }
    return false;
  }
};

}  // namespace

TEST_CASE("disjoint UPDATEs never meet one row") {
  int disjoint = 0;
  for (unsigned bits = 0; bits < 1U << 12; bits++) {
    const Changing one(bits & 63), other(bits >> 6);
    if (!AreDisjoint(one.AsUpdate(), other.AsUpdate())) continue;
    disjoint++;
    for (int i = 0; i < 9; i++) {
      const int row[2] = {i % 3, i / 3};
      REQUIRE(!(one.Meets(row) && (other.Meets(row) || one.MakesRowFor(other, row))));
      REQUIRE(!(other.Meets(row) && other.MakesRowFor(one, row)));
    }
  }
  CHECK(disjoint > 500);
}
