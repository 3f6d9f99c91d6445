// SPDX-License-Identifier: PostgreSQL
#include "checker.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace model {

namespace {

constexpr int kRounds = 60;        // of Settle: recovery runs several times
constexpr std::size_t kEach = 13;  // worlds of which one is settled
constexpr std::size_t kMost = 3'000'000;

struct Hash {
  std::size_t operator()(const World& world) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&world), sizeof(World)});
  }
};

/// How a world came about.
struct Origin {
  std::size_t from;
  const char* what;
  int node;
};

void AllSteps(const World& world, const Scenario& scenario, const Emit& emit) {
  OriginSteps(world, scenario, emit);
  for (int node = 0; node < kNodes; node++) NodeSteps(world, scenario, node, emit);
  for (const Server server : {kOrigin, kCoordinator, kCopy}) RecoverySteps(world, scenario, server, emit);
  Restarts(world, scenario, emit);
  Faults(world, scenario, emit);
  Administration(world, scenario, emit);
}

/// Who was told that it is committed is right, and no two nodes disagree.
const char* WrongIn(const World& world, const Scenario& scenario) {
  const Byte concerned = static_cast<Byte>(scenario.participants | Bit(scenario.origin));
  bool committed = false;
  bool aborted = false;
  for (int node = 0; node < kNodes; node++) {
    if (!Has(concerned, node)) continue;
    committed = committed || world.fate[node] == Fate::Committed;
    aborted = aborted || world.fate[node] == Fate::Aborted;
  }
  if (committed && aborted) return "two outcomes";
  if (world.surprised != 0) return "recovery was in the way of the backend";
  if (world.client == Client::Committed && aborted) return "the client was told that it is committed";
  if (world.client == Client::RolledBack && committed) return "the client was told that it is rolled back";
  return nullptr;
}

/// The origin was removed; it goes on, or it does not.
bool MayVanish(const World& world, const Scenario& scenario) {
  return !Has(world.listed, scenario.origin) || world.known_other != 0;
}

/// The first thing that each may do, again and again, once nothing goes wrong any more.
World Settle(World world, const Scenario& scenario, bool vanishes) {
  world.crashes = world.cuts = world.changes = world.copies = world.partitions = 0;
  world.broken = 0;
  world.copied = 0;
  world.removing = world.reset = 0;
  world.known = static_cast<Byte>(world.known & ~world.leaving);
  world.stopped = world.leaving = 0;
  if (vanishes) {
    world.up = static_cast<Byte>(world.up & ~Bit(scenario.origin));
    StopOrigin(&world, scenario, scenario.participants);
  }
  world.listed |= world.joining;
  world.enabled |= world.joining;
  world.joining = 0;
  bool moved = false;
  const Emit first = [&](const World& next, const char*, int) {
    if (!moved) world = next;
    moved = true;
  };
  for (int round = 0; round < kRounds; round++) {
    const auto turn = [&](auto&& steps) {
      moved = false;
      const World before = world;
      steps(before);
    };
    // A node that was removed may never come back.
    turn([&](const World& now) {
      Restarts(now, scenario, [&](const World& next, const char* what, int node) {
        if (node != scenario.origin || !MayVanish(now, scenario)) first(next, what, node);
      });
    });
    turn([&](const World& now) { OriginSteps(now, scenario, first); });
    for (int node = 0; node < kNodes; node++) turn([&](const World& now) { NodeSteps(now, scenario, node, first); });
    for (const Server server : {kOrigin, kCoordinator, kCopy})
      turn([&](const World& now) { RecoverySteps(now, scenario, server, first); });
  }
  return world;
}

const char* WrongAtRest(const World& world, const Scenario& scenario) {
  for (int node = 0; node < kNodes; node++) {
    if (world.fate[node] == Fate::Prepared) return "in doubt for ever";
    if (world.client == Client::Committed && Has(scenario.participants, node) && world.fate[node] != Fate::Committed)
      return "the client was told that it is committed, and it is not";
  }
  if (world.phase != Phase::Ended && !MayVanish(world, scenario)) return "the backend hangs";
  if (world.records != 0 && Has(world.up, scenario.origin) && !MayVanish(world, scenario)) return "a record stays for ever";
  return WrongIn(world, scenario);
}

std::string TextOf(const World& world) {
  std::string text = "  fates";
  for (const Fate fate : world.fate) text += std::string(" ") + "opca"[static_cast<int>(fate)];
  text += " records " + std::to_string(world.records) + " up " + std::to_string(world.up);
  return text;
}

class Searcher {
 public:
  explicit Searcher(const Scenario& scenario) : scenario_(scenario) {
    each_ = std::getenv("ALTIUS_TXN_ALL") != nullptr ? 1 : kEach;
  }

  Result Run() {
    World first;
    first.crashes = scenario_.crashes;
    first.cuts = scenario_.cuts;
    first.copies = scenario_.copies;
    first.changes = scenario_.changes;
    first.partitions = scenario_.partitions;
    if (scenario_.joins >= 0) {
      first.joining = Bit(scenario_.joins);
      first.listed = first.enabled = static_cast<Byte>(first.listed & ~first.joining);
    }
    Add(first, {0, "begin", 0});
    for (std::size_t i = 0; i < worlds_.size() && result_.wrong.empty() && i < kMost; i++) {
      Look(i);
      const World world = *worlds_[i];
      AllSteps(world, scenario_, [&](const World& next, const char* what, int node) { Add(next, {i, what, node}); });
    }
    result_.worlds = worlds_.size();
    if (worlds_.size() >= kMost) result_.wrong = "too many worlds";
    return result_;
  }

 private:
  void Add(const World& world, const Origin& origin) {
    const auto [place, fresh] = known_.emplace(world, worlds_.size());
    if (!fresh) return;
    worlds_.push_back(&place->first);
    origins_.push_back(origin);
  }

  void Look(std::size_t index) {
    const World& world = *worlds_[index];
    const char* wrong = WrongIn(world, scenario_);
    if (wrong == nullptr && index % each_ == 0) {
      wrong = WrongAtRest(Settle(world, scenario_, false), scenario_);
      if (wrong == nullptr && MayVanish(world, scenario_)) wrong = WrongAtRest(Settle(world, scenario_, true), scenario_);
    }
    if (wrong != nullptr) result_.wrong = std::string(scenario_.name) + ": " + wrong + "\n" + WayTo(index);
  }

  std::string WayTo(std::size_t index) const {
    std::vector<std::string> lines;
    for (std::size_t at = index; at != 0; at = origins_[at].from)
      lines.push_back(std::string("  ") + origins_[at].what + " " + std::to_string(origins_[at].node) + TextOf(*worlds_[at]));
    std::string text;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) text += *line + "\n";
    return text;
  }

  const Scenario& scenario_;
  std::size_t each_;
  std::unordered_map<World, std::size_t, Hash> known_;
  std::vector<const World*> worlds_;
  std::vector<Origin> origins_;
  Result result_;
};

}  // namespace

Result Search(const Scenario& scenario) { return Searcher(scenario).Run(); }

}  // namespace model
