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
    all[i].unit = i;
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
  for (int i = count - 1; i >= 0; i--) {  // some are read by one later one, which takes them along, or by several
    const int reader = i + 1 < count ? i + 1 + below(count - i - 1) : i;
    if (reader == i || all[reader].itself || below(3) != 0) continue;
    if (below(2) == 0) {
      all[i].unit = all[reader].unit;
    } else {
      all[reader].waits |= Others{1} << i;
    }
  }
  return all;
}

/// Units may wait for one another in a circle only if their members were put together so: such statements do not exist.
bool MayRun(const std::vector<Modification>& all) {
  const Case made = {all, {}, {}};
  const int count = static_cast<int>(all.size());
  for (int i = 0; i < count; i++) {
    for (int j = i; j < count; j++) {
      if (all[i].unit != i || all[j].unit != j) continue;
      if (Needs(made, i, j)) return false;
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
  const Case made = Arranged({a, b = [&] { b.unit = 1; return b; }()});
  CHECK(made.first == std::vector<int>{1});
  CHECK(made.kept.empty());
}

TEST_CASE("of two that read what each other change one reads before") {
  Modification a, b;
  a.kind = b.kind = Kind::Update;
  b.target = b.unit = 1;
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
  b.unit = 1;
  const Case made = Arranged({a, b});
  REQUIRE(made.kept.size() == 1);
  CHECK((made.kept[0].reader == 1 && made.kept[0].target));
  a.disjoint = 2;
  b.disjoint = 1;
  CHECK(Arranged({a, b}).kept.empty());
}

TEST_CASE("what leaves no trace for the other one") {
  Modification a, b;
  b.unit = 1;
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
  b.unit = 1;
  b.waits = 1;
  const Case made = Arranged({a, b});
  REQUIRE(made.kept.size() == 1);
  CHECK((made.kept[0].reader == 1 && made.kept[0].target));
}

TEST_CASE("random modifications see nothing of one another, in whatever order the plan leaves open") {
  std::mt19937 random(20260101);
  int checked = 0, needless = 0;
  for (int i = 0; i < 60000; i++) {
    const std::vector<Modification> all = Random(random);
    if (!MayRun(all)) continue;
    const Case made = Arranged(all);
    std::vector<int> order = Units(made);
    bool clean = true, ordered = false;
    const Case bare = {all, {}, {}};
    do {
      clean = clean && IsClean(made, order);
      ordered = ordered || IsClean(bare, order);
    } while (std::next_permutation(order.begin(), order.end()));
    REQUIRE(clean);
    needless += ordered && !made.kept.empty();
    checked++;
  }
  CHECK(checked > 30000);
  CHECK(needless == 0);  // where an order is enough nothing is read before
}
