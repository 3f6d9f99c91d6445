// SPDX-License-Identifier: PostgreSQL
// Subqueries of RETURNING computed with the rows, and of the row as the change has left it: both give the same.
#include "altius/core/evaluation/foreseen.hpp"

#include "../catch.hpp"

namespace {

using namespace altius::core::evaluation;

/// A table with a column that is assigned, one that is not, and one that the shard generates of the first.
struct Row {
  int assigned = 0, kept = 0, generated = 0;
};

struct World {
  Changing changing;
  Returned returned;
  bool reads_assigned, reads_kept, reads_generated, reads_row;  // the row: its place, say
  mutable int clock = 0;                                        // what is volatile has another value each time
};

int Value(const World& world, bool is_volatile) { return is_volatile ? 100 + world.clock++ : 7; }

/// What a subquery gives for a row.  Where rows have no place yet they have none.
int Subquery(const World& world, const Row& row, int place) {
  return (world.reads_assigned ? row.assigned : 0) + 1000 * (world.reads_kept ? row.kept : 0) +
         1000000 * (world.reads_generated ? row.generated : 0) + (world.reads_row ? place : 0) +
         10 * Value(world, world.returned.is_volatile);
}

struct Ran {
  int subquery;
  Row stored;
};

Row Generated(Row row) {
  row.generated = row.assigned * 2;
  return row;
}

/// As PostgreSQL does: the change, then RETURNING.
Ran Plain(const World& world, const Row& old) {
  Row row = world.changing.change == Change::Insert ? Row{} : old;
  if (world.changing.change != Change::Delete) {
    row.assigned = Value(world, world.changing.volatile_values);
    if (world.changing.row_triggers) row.kept += 3;
    if (world.changing.on_conflict) row = {9, 9, 0};
    row = Generated(row);
  }
  return {Subquery(world, row, 55), row};
}

/// With the rows: the subquery's columns are what is assigned to them.  The row of an INSERT is computed once, before; that of an UPDATE
/// assigns in one expression and reads in another.
Ran Before(const World& world, const Row& old) {
  Row row = old;
  Row seen = old;
  if (world.changing.change == Change::Insert) row = seen = {};
  const bool is_delete = world.changing.change == Change::Delete;
  if (!is_delete) {
    row.assigned = Value(world, world.changing.volatile_values);
    seen.assigned = world.changing.change == Change::Insert ? row.assigned : Value(world, world.changing.volatile_values);
  }
  const int subquery = Subquery(world, seen, is_delete ? 55 : 0);
  if (!is_delete) {
    if (world.changing.row_triggers) row.kept += 3;
    if (world.changing.on_conflict) row = {9, 9, 0};
    row = Generated(row);
  }
  return {subquery, row};
}

/// The value that is returned belongs to the row that is stored.
bool Agrees(const World& world, const Ran& ran) {
  World calm = world;
  calm.clock = 0;
  return ran.subquery == Subquery(calm, ran.stored, 55);
}

}  // namespace

TEST_CASE("what is foreseen of a change is what RETURNING would give after it", "[evaluation]") {
  int foreseen = 0, needless = 0;
  for (int bits = 0; bits < 3 << 11; bits++) {
    const auto bit = [&](int number) { return (bits >> number & 1) != 0; };
    World world;
    world.changing = {static_cast<Change>(bits >> 11), bit(0), bit(1), bit(2)};
    world.returned = {bit(3), bit(4), bit(5), bit(6), !bit(9) && !bit(10)};
    world.reads_assigned = bit(7);
    world.reads_kept = bit(8);
    world.reads_generated = bit(9);
    world.reads_row = bit(10);
    if (world.changing.on_conflict && world.changing.change != Change::Insert) continue;
    const Foreseen said = Foresee(world.changing, world.returned);
    if (world.returned.argument || !world.returned.elsewhere) {
      REQUIRE(said == Foreseen::NoNeed);
      continue;
    }
    const Row old = {1, 2, 2};
    const Ran before = Before(world, old);
    const Ran plain = Plain(world, old);
    if (!world.returned.is_volatile) REQUIRE(Agrees(world, plain));
    const bool insert = world.changing.change == Change::Insert;
    if (said == Foreseen::Yes) {
      foreseen++;
      INFO("choice " << bits);
      REQUIRE(world.returned.sendable);
      REQUIRE((insert || !world.returned.is_volatile));
      if (!world.returned.is_volatile) REQUIRE(Agrees(world, before));
    } else if (world.returned.sendable && !world.returned.is_volatile) {
      needless += Agrees(world, before) ? 1 : 0;
    }
  }
  CHECK(foreseen > 30);
  CHECK(needless < foreseen * 4);
}
