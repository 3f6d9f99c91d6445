// SPDX-License-Identifier: PostgreSQL
// A move that lets everybody go on: rows are copied under a snapshot, what changed since comes as a
// stream that a backend of the target reads from the source and applies (apply.hpp).  This backend
// tells it how far to go, and so knows when so little is left that writers can be held back for it.
#include <climits>

#include "altius/core/replication/pgoutput.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/shared.hpp"
#include "online.hpp"
#include "pause.hpp"
#include "progress.hpp"
#include "settings.hpp"
#include "watch.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

namespace {

constexpr int kLastPauseMs = 2000;
constexpr int kLastHasteMs = 1000;
constexpr int kMostLost = 8;
constexpr int kLookUpMs = 50;     // in which a writer finds the publications of its table
constexpr int kOutTimeoutMs = 100;

uint64 ToPosition(const char* text_of) {
  uint64 position = 0;
  if (text_of == nullptr || !core::ParseLsn(text_of, &position))
    elog(ERROR, "unexpected position of the log");
  return position;
}

const catalog::Node* SourceNode(const Move& move) { return catalog::FindNode(move.source_node); }

/// The settings that a source of changes needs.
void CheckSource(Move* move) {
  const char* lacking = remote::FetchValue(
      move->at_source,
      "SELECT CASE WHEN current_setting('wal_level') <> 'logical' THEN 'wal_level' "
      "WHEN (SELECT count(*) FROM pg_catalog.pg_replication_slots) >= "
      "current_setting('max_replication_slots')::int "
      "THEN 'max_replication_slots' "
      "WHEN (SELECT count(*) FROM pg_catalog.pg_stat_replication) >= "
      "current_setting('max_wal_senders')::int "
      "THEN 'max_wal_senders' END");
  if (lacking == nullptr) return;
  const catalog::Node* node = SourceNode(*move);
  if (strcmp(lacking, "wal_level") == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("the source node %s:%d does not log changes of rows", node->host, node->port),
             errdetail("Moving shards while they are written needs wal_level = logical there."),
             errhint("Set wal_level to logical and restart that server, or move with "
                     "shard_transfer_mode => "
                     "'block_writes'.")));
  }
  ereport(ERROR,
          (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
           errmsg("all %s of the source node %s:%d are in use", lacking, node->host, node->port),
           errhint("Raise %s there, or let fewer moves run at once.", lacking)));
}

}  // namespace

namespace {

void CheckProgress(Move* move, uint64 before) {
  const TimestampTz now = GetCurrentTimestamp();
  if (move->progressed == 0 || move->applied > before) move->progressed = now;
  if (progress_timeout_ms <= 0) return;
  if (!TimestampDifferenceExceeds(move->progressed, now, progress_timeout_ms)) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("changes of the shards have not come on for %d seconds", progress_timeout_ms / 1000),
                  errhint("The setting is citus.logical_replication_timeout.")));
}

}  // namespace

uint64 SourcePosition(Move* move) {
  return ToPosition(
      Ask(move, move->at_source, "SELECT pg_catalog.pg_current_wal_flush_lsn()"));
}

bool Apply(Move* move, uint64 until, int max_ms, bool in_haste) {
  char position[32];
  core::FormatLsn(until, position);
  const uint64 before = move->applied;
  move->applied = ToPosition(Ask(move, move->lanes[0],
                                 psprintf("SELECT altius_internal.apply_changes('%s', %d, %s)", position,
                                          max_ms, in_haste ? "true" : "false")));
  if (move->applied >= until) return true;
  CheckProgress(move, before);
  return false;
}

void PublishMembers(Move* move) {
  if (move->at_source == nullptr) move->at_source = remote::OwnConnectionTo(move->source);
  CheckSource(move);
  WidenIdentities(move);
  Register(*move, Resource::Publication, move->source, move->publication, Policy::Always);
  StringInfoData sql;
  initStringInfo(&sql);
  for (const Member& member : move->members) {
    if (!member.has_rows) continue;
    appendStringInfo(&sql, "%s%s", sql.len == 0 ? "" : ", ", member.name);
  }
  remote::Execute(move->at_source, "BEGIN");
  for (const Member& member : move->members) {
    if (member.has_rows) remote::Execute(move->at_source, RequireShardSql(member.shard_id, member.name));
  }
  remote::Execute(move->at_source,
                  psprintf("CREATE PUBLICATION %s FOR TABLE %s", move->publication, sql.data));
  remote::Execute(move->at_source, "COMMIT");
  txn::StopPoint("move: published");
}

const char* MakeSlotOnLane(Move* move) {
  Register(*move, Resource::Slot, move->source, move->slot, Policy::Always);
  const char* snapshot = Ask(
      move, move->lanes[0],
      psprintf("SELECT altius_internal.begin_apply(%d, '%s')", move->source, move->slot));
  txn::StopPoint("move: slot made");
  return snapshot;
}

void RouteOnLane(Move* move, const char* schema, const char* name, const char* target,
                 const char* condition) {
  remote::Execute(move->lanes[0],
                  psprintf("SELECT altius_internal.route_changes(%s, %s, %s, %s)",
                           quote_literal_cstr(schema), quote_literal_cstr(name),
                           quote_literal_cstr(target), condition));
}

void StartStreamOnLane(Move* move) {
  (void)Ask(move, move->lanes[0],
            psprintf("SELECT altius_internal.start_apply('%s', '%s')", move->slot, move->publication));
  txn::StopPoint("move: stream started");
}

void HangUpOnLane(Move* move) {
  remote::StatementText statement;
  statement.sql = "SELECT altius_internal.end_apply()";
  (void)remote::Send(move->lanes[0], statement, nullptr);
}

void EndStreamOnLane(Move* move) {
  remote::Execute(move->lanes[0], "SELECT altius_internal.end_apply()");
  Unregister(*move, Resource::Slot);
}

void Patience::ForLocks() { lock_ms = std::min(lock_ms + 20, pause_limit_ms); }
void Patience::ForChanges() { haste_ms = std::min(haste_ms * 3 / 2, std::max(kLastHasteMs, pause_limit_ms)); }

void Patience::ForSessions() {
  if (++lost >= kMostLost) RaiseLostFlip();
}

int Patience::HoldMs() const { return (std::min(pause_limit_ms, INT_MAX >> (kMostLost + 1)) << lost) + haste_ms - kFirstHasteMs; }

void Patience::Rest() {
  Pause(rest_ms);
  rest_ms = std::min(rest_ms * 3 / 2, kLastPauseMs);
}

namespace {

void RouteMembers(Move* move) {
  for (const Member& member : move->members) {
    if (!member.has_rows) continue;
    const catalog::Table& table = *member.table;
    RouteOnLane(move, table.schema, catalog::ShardName(table, table.shards[member.index]),
                member.name, "NULL, NULL, NULL");
  }
}

/// Until what is missing takes no longer than writers may wait.
void CatchUp(Move* move) {
  SetPhase(Phase::CatchingUp);
  for (;;) {
    const uint64 until = SourcePosition(move);
    SetPositions(until, move->applied);
    const TimestampTz begun = GetCurrentTimestamp();
    if (!Apply(move, until, kRoundMs, false)) continue;
    if (!TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), kSmallLagMs)) return;
  }
}

/// One attempt: writers held back, the last changes applied, foreign keys made, placements changed.
/// False when it must be rolled back.
bool TryToFinish(Move* move, Patience* patience) {
  uint64 position = 0;
  BeginFlip(move);
  if (!TryBlockWrites(move, patience->lock_ms, patience->HoldMs(), &position)) {
    patience->ForLocks();
    return false;
  }
  txn::StopPoint("move: writes blocked");
  SetPhase(Phase::FinalCatchup);
  if (!Apply(move, position, patience->haste_ms, true)) {
    patience->ForChanges();
    return false;
  }
  txn::StopPoint("move: all applied");
  SetPositions(position, move->applied);
  SetPhase(Phase::CreatingForeignKeys);
  if (!TryMakeForeignKeys(move, patience->HoldMs())) {
    if (IsFlipLost(*move)) patience->ForSessions();
    return false;
  }
  SetPhase(Phase::Completing);
  if (TryFinishFlip(move, patience->HoldMs())) return true;
  patience->ForSessions();
  return false;
}

}  // namespace

void MoveOnline(Move* move) {
  move->slot =
      psprintf("citus_shard_move_slot_%d_" INT64_FORMAT, move->target_node, move->operation);
  move->publication =
      psprintf("citus_shard_move_publication_%d_" INT64_FORMAT, move->target_node, move->operation);
  PublishMembers(move);
  MakeTables(move);
  CopyRows(move, MakeSlotOnLane(move));
  FinishTables(move);
  RouteMembers(move);
  StartStreamOnLane(move);
  move->streams.push_back(move);
  CatchUp(move);
  txn::StopPoint("move: caught up");
  RehearseFlip(move);
  CatchUp(move);
  Patience patience;
  while (!TryToFinish(move, &patience)) {
    AbandonFlip(move);
    patience.Rest();
    CatchUp(move);
  }
  HangUpOnLane(move);
}

/// It leaves its tables first, for the sake of writers that are looking it up (cleanup.cpp).
void DropPublication(Move* move) {
  remote::Execute(move->at_source, psprintf("SELECT altius_internal.drop_leftover(%d, %s, %d)", static_cast<int>(Resource::Publication),
                                            quote_literal_cstr(move->publication), kOutTimeoutMs));
  Pause(kLookUpMs);
  remote::Execute(move->at_source, psprintf("DROP PUBLICATION IF EXISTS %s", move->publication));
  Unregister(*move, Resource::Publication);
}

void EndOnline(Move* move) {
  EndStreamOnLane(move);
  DropPublication(move);
}

}  // namespace altius::rebalance
