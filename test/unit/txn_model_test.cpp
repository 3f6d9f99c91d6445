// SPDX-License-Identifier: PostgreSQL
// Every interleaving of two-phase commit and recovery, on core/txn itself: test/unit/txn/README.md.
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "catch.hpp"
#include "txn/checker.hpp"

using model::Bit;
using model::Scenario;

namespace {

const Scenario kScenarios[] = {
    {.name = "two participants, a crash", .crashes = 1},
    {.name = "two participants, a lost connection", .cuts = 1},
    {.name = "one participant, two crashes", .participants = Bit(2), .crashes = 2, .cuts = 1},
    {.name = "nested in another node's transaction", .participants = Bit(2), .coordinator_looks = true, .nested = true, .crashes = 1},
    {.name = "synchronous_commit = off", .participants = Bit(2), .async_commit = true, .crashes = 2},
    {.name = "a copy of the origin", .participants = Bit(2), .crashes = 1, .copies = 1},
    {.name = "a copy of the coordinator, which began it", .origin = 0, .participants = Bit(2), .crashes = 1, .copies = 1},
    {.name = "the origin is removed and added again", .participants = Bit(2), .origin_changes = true, .crashes = 1, .cuts = 1,
     .changes = 1},
    {.name = "the origin is cut off, removed and added again", .participants = Bit(0) | Bit(2), .origin_changes = true, .changes = 1,
     .partitions = 1},
    {.name = "the origin is cut off, removed and replaced", .participants = Bit(2), .origin_changes = true, .replaced = true,
     .crashes = 1, .changes = 1, .partitions = 1},
    {.name = "links are lost", .participants = Bit(2), .crashes = 1, .cuts = 1, .partitions = 2},
    {.name = "a participant is disabled or removed, and comes back", .participants = Bit(2), .changed = 2, .crashes = 1, .cuts = 1,
     .changes = 1, .partitions = 1},
    {.name = "a participant is added", .participants = Bit(2), .joins = 2, .crashes = 1, .cuts = 1},
};

}  // namespace

TEST_CASE("no interleaving of two-phase commit and recovery has two outcomes or stays in doubt", "[txn]") {
  std::size_t worlds = 0;
  for (const Scenario& scenario : kScenarios) {
    const model::Result result = model::Search(scenario);
    worlds += result.worlds;
    if (std::getenv("ALTIUS_TXN_ALL") != nullptr) std::printf("%9zu worlds: %s\n", result.worlds, scenario.name);
    if (!result.wrong.empty()) std::printf("WRONG %s", result.wrong.c_str());
    CHECK(result.wrong.empty());
  }
  std::printf("%zu worlds in %zu scenarios\n", worlds, std::size(kScenarios));
}
