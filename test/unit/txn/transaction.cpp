// SPDX-License-Identifier: PostgreSQL
// The origin's backend and the nodes that take part.
#include "world.hpp"

namespace model {

namespace {

using core::CommitStep;

template <typename Body>
void ForParts(const Scenario& scenario, Body&& body) {
  for (int node = 0; node < kNodes; node++) {
    if (TakesPart(scenario, node)) body(node);
  }
}

Wire WireOf(core::EndCommand command) {
  switch (command) {
    case core::EndCommand::Nothing: return Wire::Nothing;
    case core::EndCommand::Rollback: return Wire::Rollback;
    case core::EndCommand::RollbackPrepared: return Wire::RollbackPrepared;
    case core::EndCommand::CommitPrepared: return Wire::CommitPrepared;
  }
  return Wire::Nothing;
}

void SendEnds(World* world, const Scenario& scenario, bool committed) {
  ForParts(scenario, [&](int node) {
    if (!Has(world->connected, node)) return;
    world->wire[node] = WireOf(core::CommandToEnd(world->part[node], committed));
  });
  world->phase = Phase::Ending;
}

void Abort(World* world, const Scenario& scenario) {
  world->phase = Phase::Aborting;
  world->fate[scenario.origin] = Fate::Aborted;
}

bool AwaitsPrepare(const World& world, const Scenario& scenario) {
  bool asked = false;
  ForParts(scenario, [&](int node) { asked = asked || world.part[node] == core::Part::Asked; });
  return asked;
}

void RequireAll(World* world, const Scenario& scenario) {
  bool all = true;
  ForParts(scenario, [&](int node) { all = all && core::MayCommit(world->part[node]); });
  if (all) {
    world->step++;
  } else {
    Abort(world, scenario);
  }
}

core::Asker AskerAt(const World& world, const Scenario& scenario, int node) {
  return {.coordinator = scenario.origin == 0,
          .group_listed = Has(world.known | world.known_other, node),
          .same_node = Has(world.known, node),
          .leaving = Has(world.stopped, node)};
}

void SendPrepare(World* world, int node) {
  const bool connected = Has(world->connected, node);
  world->part[node] = connected ? core::Part::Asked : core::Part::Lost;
  if (connected) world->wire[node] = Wire::Prepare;
}

void CommitStepOf(const World& before, const Scenario& scenario, const Emit& emit) {
  World world = before;
  const CommitStep step = core::kTwoPhaseCommit[world.step];
  if (step == CommitStep::RequireAll) {
    if (AwaitsPrepare(world, scenario)) return;
    RequireAll(&world, scenario);
    return emit(world, "the answers to PREPARE are judged", scenario.origin);
  }
  world.step++;
  switch (step) {
    case CommitStep::WriteRecords: world.wrote_records = 1; break;
    case CommitStep::Prepare: ForParts(scenario, [&](int node) { SendPrepare(&world, node); }); break;
    case CommitStep::ForceFlush: world.forced = 1; break;
    case CommitStep::CommitLocally:
      world.fate[scenario.origin] = Fate::Committed;
      world.durable = world.forced != 0 || !scenario.async_commit;
      world.records = world.wrote_records != 0 ? scenario.participants : Byte{0};
      break;
    case CommitStep::SecondPhase: SendEnds(&world, scenario, true); break;
    case CommitStep::RequireAll: break;
  }
  emit(world, step == CommitStep::CommitLocally ? "the origin commits" : "the origin goes on with COMMIT", scenario.origin);
}

/// Of everything that was sent last the answers are there, or the connections are gone.
bool AllAnswered(const World& world, const Scenario& scenario) {
  bool all = true;
  ForParts(scenario, [&](int node) {
    const bool waits = world.wire[node] != Wire::Nothing || world.reply[node] != core::Reply::None;
    all = all && !(waits && Has(world.connected, node));
  });
  return all;
}

void End(const World& before, const Scenario& scenario, const Emit& emit) {
  if (!AllAnswered(before, scenario)) return;
  World world = before;
  const bool committed = world.fate[scenario.origin] == Fate::Committed;
  world.client = committed ? Client::Committed : Client::RolledBack;
  world.phase = Phase::Ended;
  ForParts(scenario, [&](int node) { Cut(&world, scenario, node, true); });
  emit(world, committed ? "the client learns that it is committed" : "the client learns that it is rolled back", scenario.origin);
}

void Begin(const World& before, const Scenario& scenario, const Emit& emit) {
  World world = before;
  if (world.phase == Phase::Working) {
    world.phase = Phase::Committing;
    return emit(world, "the client says COMMIT", scenario.origin);
  }
  // Who is not told of its removal goes on.
  const bool may = Has(world.up & world.known, scenario.origin) && world.reset == 0 && (world.joining & scenario.participants) == 0;
  if (world.phase != Phase::Idle || !may) return;
  world.phase = Phase::Working;
  emit(world, "the transaction begins on", scenario.origin);
}

void TakeReply(const World& before, int node, const Emit& emit) {
  World world = before;
  if (world.part[node] == core::Part::Asked) {
    world.part[node] = core::AfterPrepare(world.reply[node]);
  } else if (core::AfterEnd(world.reply[node]) == core::PartEnd::Elsewhere) {
    world.surprised = 1;
  }
  world.reply[node] = core::Reply::None;
  emit(world, "an answer comes from", node);
}

}  // namespace

bool IsActive(const World& world, const Scenario& scenario) {
  if (world.phase == Phase::Idle || world.phase == Phase::Ended) return false;
  core::RunningBackend backend{.pid = 7, .works_for = {scenario.origin, 7, 5, 0}, .own_number = 5};
  if (scenario.nested) backend.works_for = {(scenario.origin + 1) % kNodes, 9, 3, 0};
  return core::RunsTransaction(backend, 7, 5);
}

void Cut(World* world, const Scenario& scenario, int node, bool arrives) {
  world->connected = static_cast<Byte>(world->connected & ~Bit(node));
  world->reply[node] = core::Reply::None;
  if (!arrives) world->wire[node] = Wire::Nothing;
  if (world->part[node] == core::Part::Asked) world->part[node] = core::AfterPrepare(core::Reply::Lost);
  const bool over = world->wire[node] == Wire::Nothing && TakesPart(scenario, node);
  if (over && world->fate[node] == Fate::Open) world->fate[node] = Fate::Aborted;
}

void OriginSteps(const World& world, const Scenario& scenario, const Emit& emit) {
  ForParts(scenario, [&](int node) {
    if (world.reply[node] != core::Reply::None) TakeReply(world, node, emit);
  });
  Begin(world, scenario, emit);
  if (world.phase == Phase::Committing) CommitStepOf(world, scenario, emit);
  if (world.phase == Phase::Aborting && !AwaitsPrepare(world, scenario)) {
    World next = world;
    SendEnds(&next, scenario, false);
    emit(next, "the origin sends ROLLBACK", scenario.origin);
  }
  if (world.phase == Phase::Ending) End(world, scenario, emit);
  const bool undecided = world.phase == Phase::Working || world.phase == Phase::Committing;
  if (undecided && world.fate[scenario.origin] == Fate::Open) {
    World next = world;
    Abort(&next, scenario);
    emit(next, "the backend is cancelled", scenario.origin);
  }
  if (world.fate[scenario.origin] == Fate::Committed && world.durable == 0) {
    World next = world;
    next.durable = 1;
    emit(next, "the log is flushed", scenario.origin);
  }
}

void NodeSteps(const World& world, const Scenario& scenario, int node, const Emit& emit) {
  if (world.wire[node] == Wire::Nothing || !Has(world.up, node)) return;
  World next = world;
  const Wire command = world.wire[node];
  next.wire[node] = Wire::Nothing;
  const auto answer = [&](Fate fate, core::Reply reply, const char* what) {
    World one = next;
    one.fate[node] = fate;
    if (Has(one.connected, node)) one.reply[node] = reply;
    if (fate == Fate::Open && !Has(one.connected, node)) one.fate[node] = Fate::Aborted;
    emit(one, what, node);
  };
  const Fate fate = world.fate[node];
  switch (command) {
    case Wire::Nothing: return;
    case Wire::Prepare:
      if (fate != Fate::Open) return answer(fate, core::Reply::Refused, "PREPARE finds no transaction on");
      if (!core::MayPrepare(AskerAt(world, scenario, node)))
        return answer(Fate::Aborted, core::Reply::Refused, "PREPARE is refused on");
      answer(Fate::Prepared, core::Reply::Done, "PREPARE on");
      return answer(Fate::Aborted, core::Reply::Refused, "PREPARE fails on");
    case Wire::Rollback:
      return answer(fate == Fate::Open ? Fate::Aborted : fate, core::Reply::Done, "ROLLBACK on");
    case Wire::RollbackPrepared:
      if (fate != Fate::Prepared) return answer(fate, core::Reply::NoSuch, "ROLLBACK PREPARED finds nothing on");
      return answer(Fate::Aborted, core::Reply::Done, "ROLLBACK PREPARED on");
    case Wire::CommitPrepared:
      if (fate != Fate::Prepared) return answer(fate, core::Reply::NoSuch, "COMMIT PREPARED finds nothing on");
      return answer(Fate::Committed, core::Reply::Done, "COMMIT PREPARED on");
  }
}

}  // namespace model
