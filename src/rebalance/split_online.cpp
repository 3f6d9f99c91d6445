// SPDX-License-Identifier: PostgreSQL
// A split that lets everybody go on: each node that gets parts has a stream of the whole's changes and takes those that
// hash into its parts (apply.hpp).  The rest is as with moves.
#include "altius/core/replication/pgoutput.hpp"
#include "altius/txn/shared.hpp"
#include "online.hpp"
#include "progress.hpp"
#include "split.hpp"
#include "watch.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance {

namespace {

constexpr int kKeysTimeoutMs = 100;  // for the locks that foreign keys need

void NameResources(Split* split) {
  const int64 operation = split->whole.operation;
  split->whole.publication =
      psprintf("citus_shard_split_publication_%d_" INT64_FORMAT, split->whole.source_node, operation);
  for (Move* target : split->targets) {
    target->publication = split->whole.publication;
    target->slot = psprintf("citus_shard_split_slot_%d_" INT64_FORMAT, target->target_node, operation);
  }
}

const catalog::ShardPart& PartOf(const Split& split, int64 id) {
  for (const catalog::ShardPart& part : split.parts) {
    if (part.id == id) return part;
  }
  elog(ERROR, "shard " INT64_FORMAT " is not of this split", id);
}

void RouteParts(const Split& split, Move* target) {
  for (const Member& member : target->members) {
    if (!member.has_rows) continue;
    const catalog::Table& table = *member.table;
    const catalog::ShardPart& part = PartOf(split, member.shard_id);
    catalog::Shard whole{};
    whole.id = part.parent;
    const char* distributed = quote_literal_cstr(quote_qualified_identifier(table.schema, table.name));
    RouteOnLane(target, table.schema, catalog::ShardName(table, whole), member.name,
                psprintf("%s, %d, %d", distributed, part.min, part.max));
  }
}

/// Every stream in turn, so that none is silent for long, until all of them together are as near as writers may wait.
void CatchUp(Split* split) {
  SetPhase(Phase::CatchingUp);
  for (;;) {
    const uint64 until = SourcePosition(&split->whole);
    SetPositions(until, split->targets[0]->applied);
    const TimestampTz begun = GetCurrentTimestamp();
    bool all = true;
    for (Move* target : split->targets) all = Apply(target, until, kRoundMs, false) && all;
    const int enough = kSmallLagMs * split->targets.size();
    if (all && !TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), enough)) return;
  }
}

/// One attempt: writers held back, the last changes applied, foreign keys made, the whole replaced.  False when it must be
/// rolled back.
bool TryToFinish(Split* split, Patience* patience) {
  uint64 position = 0;
  BeginFlip(&split->whole);
  if (!TryBlockWrites(&split->whole, patience->lock_ms, patience->HoldMs(), &position)) {
    patience->ForLocks();
    return false;
  }
  txn::StopPoint("split: writes blocked");
  SetPhase(Phase::FinalCatchup);
  for (Move* target : split->targets) {
    if (Apply(target, position, patience->haste_ms, true)) continue;
    patience->ForChanges();
    return false;
  }
  txn::StopPoint("split: all applied");
  SetPhase(Phase::CreatingForeignKeys);
  split->targets_with_keys = 0;
  if (!TryMakePartForeignKeys(split, kKeysTimeoutMs, patience->HoldMs())) {
    if (IsFlipLost(split->whole)) patience->ForSessions();
    return false;
  }
  SetPhase(Phase::Completing);
  if (TryFinishSplit(split, patience->HoldMs())) return true;
  patience->ForSessions();
  return false;
}

}  // namespace

void SplitOnline(Split* split) {
  NameResources(split);
  PublishMembers(&split->whole);
  txn::StopPoint("split: published");
  MakePartTables(split);
  for (Move* target : split->targets) CopyPart(target, MakeSlotOnLane(target));
  for (Move* target : split->targets) FinishTables(target);
  for (Move* target : split->targets) {
    RouteParts(*split, target);
    StartStreamOnLane(target);
    split->whole.streams.push_back(target);
  }
  CatchUp(split);
  txn::StopPoint("split: caught up");
  Patience patience;
  while (!TryToFinish(split, &patience)) {
    AbandonFlip(&split->whole);
    patience.Rest();
    CatchUp(split);
  }
  for (Move* target : split->targets) HangUpOnLane(target);
}

void EndSplitOnline(Split* split) {
  for (Move* target : split->targets) EndStreamOnLane(target);
  DropPublication(&split->whole);
}

}  // namespace altius::rebalance
