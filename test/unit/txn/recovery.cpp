// SPDX-License-Identifier: PostgreSQL
// Recovery on the origin, on the coordinator and on a copy of a node.
#include <iterator>

#include "world.hpp"

namespace model {

namespace {

using core::RecoveryStep;
constexpr int kSteps = static_cast<int>(std::size(core::kRecovery));

Byte RecordsOf(const World& world, const Scenario& scenario, Server server) {
  if (server == kCopy) return world.copy_records;
  return NodeOf(scenario, server) == scenario.origin ? world.records : Byte{0};
}

core::Standing StandingOf(const World& world, int node, Server server) {
  const bool replaced = world.known_other != 0 && server != kCoordinator;
  if (replaced) return server == kCopy ? core::Standing::Here : core::Standing::Elsewhere;
  if (!Has(world.up, node)) return core::Standing::Unknown;
  return server == kCopy ? core::Standing::Elsewhere : core::Standing::Here;
}

/// Of the nodes that are listed now, or of the others.
Byte NodesToAsk(const World& world, bool listed) {
  Byte nodes = 0;
  for (int node = 0; node < kNodes; node++) {
    const bool asked = listed ? core::IsAsked(Has(world.listed, node), Has(world.enabled, node), false)
                              : core::IsAsked(false, false, Has(world.noted, node));
    if (asked && (!listed || Has(world.listed, node))) nodes |= Bit(node);
  }
  return nodes;
}

void Ask(World* world, Run* run, int self, Server server, int node) {
  if (node == self) run->standing = static_cast<Byte>(StandingOf(*world, self, server));
  if (!Has(run->asked, node) || !Reaches(*world, self, node)) return;
  run->answered |= Bit(node);
  if (world->fate[node] == Fate::Prepared) run->prepared |= Bit(node);
}

void Finish(World* world, const Scenario& scenario, Run* run, int self, int node) {
  const bool may = core::MayAct(static_cast<core::Standing>(run->standing)) && core::IsForUs(self, scenario.origin);
  if (!may || !Has(run->prepared, node) || !Reaches(*world, self, node)) return;
  const core::Outcome outcome = core::DecideRecovery(Has(run->records, node), run->active != 0);
  if (outcome == core::Outcome::Wait || world->fate[node] != Fate::Prepared) return;
  world->fate[node] = outcome == core::Outcome::Commit ? Fate::Committed : Fate::Aborted;
}

void Forget(World* world, const Scenario& scenario, const Run& run, Server server) {
  if (server == kCopy || NodeOf(scenario, server) != scenario.origin) return;
  if (!core::MayAct(static_cast<core::Standing>(run.standing))) return;
  for (int node = 0; node < kNodes; node++) {
    if (!Has(run.noted, node)) continue;
    if (core::MayForget(Has(run.asked, node), Has(run.answered, node), Has(run.prepared, node)))
      world->records = static_cast<Byte>(world->records & ~Bit(node));
  }
}

/// Asks or ends at the next node that has something to do with it; false when there is none.
bool NextNode(World* world, const Scenario& scenario, Run* run, Server server, bool finish) {
  const int self = NodeOf(scenario, server);
  while (run->node < kNodes) {
    const int node = run->node++;
    const bool concerned = Has(scenario.participants, node) || node == self;
    if (!concerned || (finish && !Has(run->prepared, node))) continue;
    if (finish) {
      Finish(world, scenario, run, self, node);
    } else {
      Ask(world, run, self, server, node);
    }
    return true;
  }
  run->node = 0;
  return false;
}

void StepOf(World* world, const Scenario& scenario, Run* run, Server server) {
  const RecoveryStep step = core::kRecovery[run->step];
  const bool by_node = step == RecoveryStep::ListPrepared || step == RecoveryStep::Finish;
  if (by_node && NextNode(world, scenario, run, server, step == RecoveryStep::Finish)) return;
  const bool runs_here = server == kOrigin;
  switch (step) {
    case RecoveryStep::NoteRecords: run->noted = RecordsOf(*world, scenario, server); break;
    case RecoveryStep::ReadNodes: run->asked |= NodesToAsk(*world, true); break;
    case RecoveryStep::ReadUnlisted: run->asked |= NodesToAsk(*world, false); break;
    case RecoveryStep::LookForActive: run->active = runs_here && IsActive(*world, scenario); break;
    case RecoveryStep::ReadRecords: run->records = RecordsOf(*world, scenario, server); break;
    case RecoveryStep::Forget: Forget(world, scenario, *run, server); break;
    default: break;
  }
  run->step++;
}

bool HasDone(const Run& run, RecoveryStep step) {
  for (int i = 0; i < run.step; i++) {
    if (core::kRecovery[i] == step) return true;
  }
  return false;
}

/// It can change nothing any more.
bool IsIdle(const Run& run) {
  const bool has_looked = HasDone(run, RecoveryStep::NoteRecords) && HasDone(run, RecoveryStep::ListPrepared);
  return run.step >= kSteps || (has_looked && run.prepared == 0 && run.noted == 0);
}

}  // namespace

bool Exists(const World& world, const Scenario& scenario, Server server) {
  if (server == kCopy) return world.copied != 0 || world.known_other != 0;
  if (server == kCoordinator && !scenario.coordinator_looks) return false;
  return Has(world.up, NodeOf(scenario, server));
}

int NodeOf(const Scenario& scenario, Server server) { return server == kCoordinator ? 0 : scenario.origin; }

void RecoverySteps(const World& world, const Scenario& scenario, Server server, const Emit& emit) {
  if (!Exists(world, scenario, server)) return;
  World next = world;
  Run* run = &next.runs[server];
  StepOf(&next, scenario, run, server);
  if (IsIdle(*run)) *run = Run{};
  constexpr const char* kNames[] = {"recovery on the origin", "recovery on the coordinator", "recovery on the copy"};
  if (!(next == world)) emit(next, kNames[server], world.runs[server].step);
}

}  // namespace model
