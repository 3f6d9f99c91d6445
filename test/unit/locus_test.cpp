// SPDX-License-Identifier: PostgreSQL
// The locus algebra against brute force; see locus/README.md.
#include <algorithm>
#include <cstdlib>

#include "catch.hpp"
#include "locus/world.hpp"

using namespace locus_test;

namespace {

/// What an analysis asks memory for: a measure of its work that no machine's speed disturbs.
template <typename Build>
std::size_t WorkOf(const Build& build) {
  World world;
  const Query* root = build(world);
  const std::size_t before = world.memory.size();
  Analysis(&world.tree, kNone).LocusOf(*root);
  Analysis(&world.tree, root->id).ScopeOf(*root, false);
  return world.memory.size() - before;
}

// Under the sanitizers a tenth has to do; mutate runs without them.
#ifdef __SANITIZE_ADDRESS__
constexpr int kShare = 10;
#else
constexpr int kShare = 1;
#endif

struct Tally {
  int all = 0, whole = 0, parts = 0, wrong = 0;
};

/// Runs one statement both ways; complains of one that differs.
void Compare(World& world, Tally* tally) {
  if (world.tree.relation_count() > kMaxRelations) return;
  tally->all++;
  Outcome said = RunAsSaid(world);
  if (said.claims.empty()) said.claims = CheckChanges(world);
  std::vector<Row> right = RunOnAll(world);
  tally->whole += said.whole ? 1 : 0;
  tally->parts += said.parts ? 1 : 0;
  std::sort(right.begin(), right.end());
  std::sort(said.rows.begin(), said.rows.end());
  // Cut, and LIMIT takes any rows.
  const bool free =
      !said.whole && world.uppers[static_cast<std::size_t>(world.root->id)].limit != kNone;
  if (said.claims.empty() && (free ? said.rows.size() == right.size() : said.rows == right)) return;
  tally->wrong++;
  std::string rows = "\nafter " + std::to_string(tally->all) + " statements in this test\nright:";
  for (const Row& row : right)
    rows += " " + std::to_string(row.values[0]) + "," + std::to_string(row.values[1]);
  rows += "\nsaid: ";
  for (const Row& row : said.rows)
    rows += " " + std::to_string(row.values[0]) + "," + std::to_string(row.values[1]);
  UNSCOPED_INFO((said.whole ? "whole " : "cut ") << Describe(world) << rows << "\n" << said.claims);
}

/// Every choice in turn, each `share`th unless there is time for all; ends with the first wrong one.
template <typename Generate>
Tally CompareEach(int share, Generate&& generate) {
  const int step = std::getenv("ALTIUS_LOCUS_ALL") == nullptr ? share * kShare : 1;
  Chooser choose;
  Tally tally;
  int number = 0;
  do {
    std::unique_ptr<World> world = generate(choose);
    if (number++ % step == 0) Compare(*world, &tally);
  } while (tally.wrong == 0 && choose.Next());
  return tally;
}

template <typename Generate>
Tally CompareRandom(Generate&& generate) {
  const char* seed = std::getenv("ALTIUS_SEED");
  Chooser choose(seed == nullptr ? 1U : static_cast<unsigned>(std::atoi(seed)));
  Tally tally;
  for (int i = 0; i < 100000 / kShare && tally.wrong == 0; i++)
    Compare(*generate(choose, i), &tally);
  return tally;
}

/// Nothing is wrong, and enough was tried: statements that ran whole, and in parts.
void CheckTally(const Tally& tally, int whole, int parts) {
  CHECK(tally.wrong == 0);
  CHECK(tally.whole > whole / kShare);
  CHECK(tally.parts > parts / kShare);
}

}  // namespace

TEST_CASE("every two pieces give what they give on one node", "[locus]") {
  CheckTally(CompareEach(3, [](Chooser& choose) { return GeneratePieces(choose, 2); }), 2000, 2000);
}

TEST_CASE("random pieces give what they give on one node", "[locus]") {
  CheckTally(
      CompareRandom([](Chooser& choose, int i) { return GeneratePieces(choose, 2 + i % 3); }), 5000,
      10000);
}

TEST_CASE("every small statement gives what it gives on one node", "[locus]") {
  CheckTally(CompareEach(7, [](Chooser& choose) { return Generate(choose, 2); }), 1000, 1000);
}

TEST_CASE("random statements give what they give on one node", "[locus]") {
  CheckTally(CompareRandom([](Chooser& choose, int i) { return Generate(choose, 2 + i % 6); }),
             15000, 30000);
}

TEST_CASE("rows of reference tables are locked where the copy leads", "[locus]") {
  const auto lock = [](std::unique_ptr<World> world, int every) {
    for (int i = 0, seen = 0; i < world->tree.relation_count(); i++) {
      Relation* relation = world->tree.Edit(i);
      if (relation->kind == Relation::Kind::Reference && seen++ % every == 0) relation->locked = true;
    }
    return world;
  };
  CheckTally(CompareEach(20, [&](Chooser& choose) { return lock(GeneratePieces(choose, 2), 1); }), 200, 200);
  CheckTally(CompareRandom([&](Chooser& choose, int i) {
               return lock(GeneratePieces(choose, 2 + i % 3), 1 + i % 2);
             }),
             2000, 5000);
}

TEST_CASE("a query is looked at once, however often it is named", "[locus]") {
  const auto chain = [](int length) {
    return WorkOf([&](World& world) { return ChainOfCtes(world, length); });
  };
  CHECK(chain(100) < 3 * chain(50));
}

TEST_CASE("the work on a join grows with its relations", "[locus]") {
  for (const From::Kind kind : {From::Kind::Inner, From::Kind::Left}) {
    for (const bool together : {true, false}) {
      const auto join = [&](int relations) {
        return WorkOf([&](World& world) { return JoinOfTables(world, kind, relations, together); });
      };
      CHECK(join(200) < 3 * join(100));
    }
  }
}
