// SPDX-License-Identifier: PostgreSQL
// Comparisons of ctids over all placements of a few rows, as on the cluster and as on one table.
#include "altius/core/ctid/compare.hpp"
#include "catch.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace altius::core::ctid;

namespace {

using Kind = Side::Kind;

/// Tables 0 and 1 are spread, table 2 is not.  On one server a row's place is that of its table in the order of (shard, ctid).
struct Row {
  int table;
  int shard;
  int ctid;
  int plain;
};

using World = std::vector<Row>;

std::vector<World> Worlds() {
  std::vector<World> worlds;
  const int places[] = {11, 12, 21, 22, 23};  // shard, ctid
  for (unsigned spread = 1; spread < 1u << 5; spread++) {
    for (unsigned other = 1; other < 1u << 5; other += 3) {
      World world;
      for (int table = 0; table < 2; table++) {
        int plain = 0;
        for (int i = 0; i < 5; i++) {
          if (((table == 0 ? spread : other) >> i & 1) != 0) world.push_back({table, places[i] / 10, places[i] % 10, ++plain});
        }
      }
      world.push_back({2, 0, 1, 1});
      world.push_back({2, 0, 2, 2});
      worlds.push_back(world);
    }
  }
  return worlds;
}

std::vector<Side> Sides() {
  std::vector<Side> sides;
  for (const bool constant : {false, true}) sides.push_back({Kind::Value, constant, false, false, 0});
  sides.push_back({Kind::Local, false, false, true, 2});
  for (const int table : {0, 1}) {
    for (const bool one_shard : {false, true}) {
      for (const bool known : {false, true}) sides.push_back({Kind::Spread, false, one_shard, known, table});
    }
  }
  return sides;
}

/// The rows that the side can stand for, where the statement names shard 1.
std::vector<Row> RowsOf(const World& world, const Side& side) {
  std::vector<Row> rows;
  for (const Row& row : world) {
    if (row.table == side.table && (!side.one_shard || row.shard == 1)) rows.push_back(row);
  }
  return rows;
}

/// A value is the ctid of a row that the user has seen on the cluster: of the other side's rows, of any shard where it is not constant.
std::vector<Row> Seen(const World& world, const Side& value, const Side& row) {
  Side seen = row;
  seen.one_shard = row.one_shard && value.constant;
  return RowsOf(world, seen);
}

constexpr int kOperators = 4;

bool Holds(int op, int left, int right) {
  return op == 0 ? left == right : op == 1 ? left != right : op == 2 ? left < right : left >= right;
}

int Pair(const Row& row) { return 100 * row.shard + row.ctid; }

/// Whether the comparison, made so, gives the same as on one table for all rows.
bool IsRight(const World& world, const Side& one, const Side& other, bool with_shards) {
  const std::vector<Row> left = one.kind == Kind::Value ? Seen(world, one, other) : RowsOf(world, one);
  const std::vector<Row> right = other.kind == Kind::Value ? Seen(world, other, one) : RowsOf(world, other);
  for (const Row& a : left) {
    for (const Row& b : right) {
      for (int op = 0; op < kOperators; op++) {
        const bool found = with_shards ? Holds(op, Pair(a), Pair(b)) : Holds(op, a.ctid, b.ctid);
        if (found != Holds(op, a.plain, b.plain)) return false;
      }
    }
  }
  return true;
}

bool IsAlwaysRight(const std::vector<World>& worlds, const Side& one, const Side& other, bool with_shards) {
  return std::all_of(worlds.begin(), worlds.end(), [&](const World& world) { return IsRight(world, one, other, with_shards); });
}

bool CanHaveShards(const Side& one, const Side& other) {
  return one.kind == Kind::Spread && other.kind == Kind::Spread && one.known && other.known;
}

/// What a use gives over the side's rows: on the cluster by ctid, on one table by place.
int Result(Use use, const std::vector<Row>& rows, bool cluster) {
  std::set<int> different;
  for (const Row& row : rows) different.insert(cluster ? row.ctid : row.plain);
  switch (use) {
    case Use::Grouped:
      return static_cast<int>(different.size());
    case Use::Computed: {  // whether two look alike
      int pairs = 0;
      for (const Row& a : rows) {
        for (const Row& b : rows) pairs += cluster ? a.ctid == b.ctid : a.plain == b.plain;
      }
      return pairs;
    }
    default:  // how many there are
      return static_cast<int>(rows.size());
  }
}

}  // namespace

TEST_CASE("comparisons of ctids mean the rows that they mean on one table", "[ctid]") {
  const std::vector<World> worlds = Worlds();
  int refused = 0;
  for (const Side& one : Sides()) {
    for (const Side& other : Sides()) {
      if (one.kind == Kind::Value && other.kind == Kind::Value) continue;
      const Answer answer = Compare(one, other);
      CHECK(answer == Compare(other, one));
      if (answer != Answer::Refused) {
        CHECK((answer == Answer::AsItIs || CanHaveShards(one, other)));
        CHECK(IsAlwaysRight(worlds, one, other, answer == Answer::WithShards));
        continue;
      }
      refused++;
      // Nothing is refused that could be had.
      const bool same_table = one.kind == Kind::Value || other.kind == Kind::Value || one.table == other.table;
      CHECK((!same_table || !CanHaveShards(one, other) || !IsAlwaysRight(worlds, one, other, true)));
      CHECK((!(one.one_shard && other.constant) || !IsAlwaysRight(worlds, one, other, false)));
    }
  }
  CHECK(refused > 0);
  CHECK(Compare({Kind::Value, true, false, false, 0}, {Kind::Value, false, false, false, 0}) == Answer::AsItIs);
}

TEST_CASE("ctids are used where it is no matter that rows of different shards share them", "[ctid]") {
  const std::vector<World> worlds = Worlds();
  for (const Side& side : Sides()) {
    if (side.kind == Kind::Value) {
      for (const Use use : {Use::Shown, Use::HandedOn, Use::Counted, Use::Tested, Use::Grouped, Use::Computed}) CHECK(MayBe(use, side));
      continue;
    }
    for (const Use use : {Use::Shown, Use::HandedOn, Use::Counted, Use::Tested, Use::Grouped, Use::Computed}) {
      bool same = true;
      for (const World& world : worlds) same = same && Result(use, RowsOf(world, side), true) == Result(use, RowsOf(world, side), false);
      CHECK(MayBe(use, side) == same);
    }
  }
}
