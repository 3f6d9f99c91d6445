// SPDX-License-Identifier: PostgreSQL
// What goes wrong, and what administrators do.
#include "world.hpp"

namespace model {

namespace {

void CrashOrigin(World* world, const Scenario& scenario, Byte arrives) {
  const int origin = scenario.origin;
  world->phase = Phase::Ended;
  if (world->client == Client::Waits) world->client = Client::Unknown;
  for (int node = 0; node < kNodes; node++) {
    if (TakesPart(scenario, node)) Cut(world, scenario, node, Has(arrives, node));
  }
  if (world->fate[origin] == Fate::Committed && world->durable == 0) world->records = 0;
  if (world->fate[origin] == Fate::Open || world->durable == 0) world->fate[origin] = Fate::Aborted;
}

/// What is on its way arrives, or does not: every subset.
void CrashesOf(const World& before, const Scenario& scenario, int node, const Emit& emit) {
  World world = before;
  world.crashes--;
  world.up = static_cast<Byte>(world.up & ~Bit(node));
  if (node == 0) world.runs[kCoordinator] = Run{};
  if (node == scenario.origin) world.runs[kOrigin] = Run{};
  if (TakesPart(scenario, node)) Cut(&world, scenario, node, false);
  if (node != scenario.origin) return emit(world, "crash of", node);
  Byte waiting = 0;
  for (int other = 0; other < kNodes; other++) {
    if (world.wire[other] != Wire::Nothing) waiting |= Bit(other);
  }
  for (Byte arrives = waiting;; arrives = static_cast<Byte>((arrives - 1) & waiting)) {
    World next = world;
    CrashOrigin(&next, scenario, arrives);
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

void RemoveOrigin(const World& before, const Scenario& scenario, const Emit& emit) {
  World world = before;
  if (world.removing == 0) {
    if (world.changes == 0 || !IsQuiet(world, scenario)) return;
    world.changes--;
    world.removing = 1;
    return emit(world, "the removal begins of", scenario.origin);
  }
  const int node = world.removing - 1;
  if (node < kNodes) {
    const bool concerned = TakesPart(scenario, node);
    const bool may = !concerned || core::MayRemove(Has(world.up, node), world.fate[node] == Fate::Prepared);
    world.removing = may ? static_cast<Byte>(world.removing + 1) : Byte{0};
    return emit(world, may ? "the removal finds nothing on" : "the removal is refused because of", node);
  }
  world.removing = 0;
  world.listed = static_cast<Byte>(world.listed & ~Bit(scenario.origin));
  world.noted |= Bit(scenario.origin);
  emit(world, "the removal is done of", scenario.origin);
}

void ChangeOrigin(const World& before, const Scenario& scenario, const Emit& emit) {
  if (Has(before.listed, scenario.origin)) return RemoveOrigin(before, scenario, emit);
  World world = before;
  world.listed |= Bit(scenario.origin);
  emit(world, "added again:", scenario.origin);
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
