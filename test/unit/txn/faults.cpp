// SPDX-License-Identifier: PostgreSQL
// What goes wrong, and what administrators do.
#include <iterator>

#include "world.hpp"

namespace model {

void StopOrigin(World* world, const Scenario& scenario, Byte arrives) {
  const int origin = scenario.origin;
  world->phase = Phase::Ended;
  if (world->client == Client::Waits) world->client = Client::Unknown;
  for (int node = 0; node < kNodes; node++) {
    if (TakesPart(scenario, node)) Cut(world, scenario, node, Has(arrives, node));
  }
  if (world->fate[origin] == Fate::Committed && world->durable == 0) world->records = 0;
  if (world->fate[origin] == Fate::Open || world->durable == 0) world->fate[origin] = Fate::Aborted;
}

namespace {

/// A removal that is not committed yet: all is as before.
void UndoRemoval(World* world) {
  world->removing = 0;
  world->reset = 0;
  world->stopped = world->leaving;
}

/// What is on its way arrives, or does not: every subset.
void CrashesOf(const World& before, const Scenario& scenario, int node, const Emit& emit) {
  World world = before;
  world.crashes--;
  world.up = static_cast<Byte>(world.up & ~Bit(node));
  if (node == 0) world.runs[kCoordinator] = Run{};
  if (node == scenario.origin) world.runs[kOrigin] = Run{};
  if (TakesPart(scenario, node)) Cut(&world, scenario, node, false);
  const bool removes = node == 0 || Has(world.stopped, node) || (world.reset != 0 && node == scenario.origin);
  if (world.removing != 0 && removes) UndoRemoval(&world);
  if (node != scenario.origin) return emit(world, "crash of", node);
  Byte waiting = 0;
  for (int other = 0; other < kNodes; other++) {
    if (world.wire[other] != Wire::Nothing) waiting |= Bit(other);
  }
  for (Byte arrives = waiting;; arrives = static_cast<Byte>((arrives - 1) & waiting)) {
    World next = world;
    StopOrigin(&next, scenario, arrives);
    emit(next, "crash of", node);
    if (arrives == 0) break;
  }
}

void CutsOf(const World& before, const Scenario& scenario, int node, const Emit& emit) {
  for (const bool arrives : {true, false}) {
    World world = before;
    world.cuts--;
    Cut(&world, scenario, node, arrives);
    emit(world, arrives ? "a connection is cut behind what was sent to" : "a connection is cut to", node);
    if (before.wire[node] == Wire::Nothing) break;
  }
}

/// Its transactions are over: it is down, or its tables are locked by the removal.
bool IsQuiet(const World& world, const Scenario& scenario) {
  return !Has(world.up, scenario.origin) || world.phase == Phase::Ended || world.phase == Phase::Idle;
}

void BeginRemoval(World world, const Scenario& scenario, const Emit& emit) {
  const bool reached = Reaches(world, 0, scenario.origin);
  if (world.changes == 0 || !Has(world.up, 0) || (reached && !IsQuiet(world, scenario))) return;
  world.changes--;
  world.removing = 1;
  world.reset = reached;
  emit(world, reached ? "the removal begins of" : "the removal begins, unseen by", scenario.origin);
}

/// Deletes the row; the nodes learn that one by one, and keep their locks until then.
void CommitRemoval(World world, const Scenario& scenario, const Emit& emit) {
  const int origin = scenario.origin;
  bool all = world.reset == 0 || Reaches(world, 0, origin);
  for (int node = 0; node < kNodes; node++) all = all && (node == origin || Reaches(world, 0, node));
  if (!all) {
    UndoRemoval(&world);
    return emit(world, "the removal fails of", origin);
  }
  Byte at_once = Bit(0);
  if (world.reset != 0) at_once |= Bit(origin);
  world.removing = world.reset = 0;
  world.listed = static_cast<Byte>(world.listed & ~Bit(origin));
  world.noted |= Bit(origin);
  world.known = static_cast<Byte>(world.known & ~at_once);
  world.stopped = static_cast<Byte>(world.stopped & ~at_once);
  world.leaving = static_cast<Byte>(world.known & ~Bit(origin));
  emit(world, "the removal is done of", origin);
}

/// One step on one node.
bool MayGoOn(World* world, core::RemovalStep step, int node) {
  const bool answers = Reaches(*world, 0, node);
  if (step == core::RemovalStep::LookForPrepared) return core::MayRemove(answers, answers && world->fate[node] == Fate::Prepared);
  world->stopped |= Bit(node);
  return answers;
}

void RemoveOrigin(const World& before, const Scenario& scenario, const Emit& emit) {
  if (before.removing == 0) return BeginRemoval(before, scenario, emit);
  World world = before;
  for (; world.removing <= kNodes * static_cast<int>(std::size(core::kRemoval)); world.removing++) {
    const int node = (world.removing - 1) % kNodes;
    const core::RemovalStep step = core::kRemoval[(world.removing - 1) / kNodes];
    if (step == core::RemovalStep::Delete) return CommitRemoval(world, scenario, emit);
    if (!TakesPart(scenario, node)) continue;
    const bool may = MayGoOn(&world, step, node);
    world.removing++;
    if (!may) UndoRemoval(&world);
    return emit(world, may ? "the removal finds nothing on" : "the removal is refused because of", node);
  }
}

/// Its tables are made anew there: it is reached, and all its transactions are over.
void AddOrigin(World world, const Scenario& scenario, const Emit& emit) {
  if (world.leaving != 0) return;
  const World before = world;
  world.listed |= Bit(scenario.origin);
  if (Reaches(world, 0, scenario.origin) && IsQuiet(world, scenario)) {
    world.known = Bit(0) | Bit(1) | Bit(2);
    emit(world, "added again:", scenario.origin);
  }
  if (!scenario.replaced) return;
  world.known = before.known;
  world.known_other = static_cast<Byte>((Bit(0) | Bit(1) | Bit(2)) & ~Bit(scenario.origin));
  emit(world, "another server is added in place of", scenario.origin);
}

void ChangeOrigin(const World& world, const Scenario& scenario, const Emit& emit) {
  if (world.known_other != 0) return;
  if (Has(world.listed, scenario.origin)) return RemoveOrigin(world, scenario, emit);
  AddOrigin(world, scenario, emit);
}

/// The second phase of the removal's own transaction.
void LearnOfRemoval(const World& before, const Emit& emit) {
  for (int node = 0; node < kNodes; node++) {
    if (!Has(before.leaving, node) || !Reaches(before, 0, node)) continue;
    World world = before;
    for (Byte* nodes : {&world.known, &world.stopped, &world.leaving}) *nodes = static_cast<Byte>(*nodes & ~Bit(node));
    emit(world, "the removal is known on", node);
  }
}

void ChangeParticipant(const World& before, const Scenario& scenario, const Emit& emit) {
  const int node = scenario.changed;
  const Byte bit = Bit(node);
  World world = before;
  if (!Has(world.enabled, node)) {
    world.listed |= bit;
    world.enabled |= bit;
    return emit(world, "activated:", node);
  }
  if (world.changes == 0) return;
  world.changes--;
  world.enabled = static_cast<Byte>(world.enabled & ~bit);
  emit(world, "disabled:", node);
  world.listed = static_cast<Byte>(world.listed & ~bit);
  world.noted |= bit;
  emit(world, "removed:", node);
}

}  // namespace

void Faults(const World& world, const Scenario& scenario, const Emit& emit) {
  for (int node = 0; node < kNodes; node++) {
    if (world.crashes > 0 && Has(world.up, node)) CrashesOf(world, scenario, node, emit);
    const bool in_use = TakesPart(scenario, node) && Has(world.connected, node) && world.phase != Phase::Ended;
    if (world.cuts > 0 && in_use) CutsOf(world, scenario, node, emit);
  }
  for (const Byte link : {LinkOf(0, 1), LinkOf(0, 2), LinkOf(1, 2)}) {
    World next = world;
    next.broken ^= link;
    if ((world.broken & link) != 0) {
      emit(next, "healed: the link", link);
    } else if (world.partitions > 0) {
      next.partitions--;
      emit(next, "broken: the link", link);
    }
  }
  if (world.copies > 0 && Has(world.up, scenario.origin)) {
    World next = world;
    next.copies--;
    next.copied = 1;
    next.copy_records = world.records;
    emit(next, "a copy is started of", scenario.origin);
  }
}

void Restarts(const World& world, const Scenario&, const Emit& emit) {
  for (int node = 0; node < kNodes; node++) {
    if (Has(world.up, node)) continue;
    World next = world;
    next.up |= Bit(node);
    emit(next, "restart of", node);
  }
}

void Administration(const World& world, const Scenario& scenario, const Emit& emit) {
  if (scenario.origin_changes) ChangeOrigin(world, scenario, emit);
  LearnOfRemoval(world, emit);
  if (scenario.changed >= 0) ChangeParticipant(world, scenario, emit);
  if (world.joining != 0) {
    World next = world;
    next.listed |= world.joining;
    next.enabled |= world.joining;
    next.joining = 0;  // and only then its tables are written
    emit(next, "added:", scenario.joins);
  }
}

}  // namespace model
