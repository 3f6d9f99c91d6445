// SPDX-License-Identifier: PostgreSQL
// What a move asks of the nodes, through sessions of its own.  Several tables are worked on at once.
#include "move.hpp"

#include "altius/ddl/table_commands.hpp"
#include "altius/txn/shared.hpp"
#include "progress.hpp"
#include "settings.hpp"
#include "watch.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance {

namespace {

constexpr int kLookMs = 20;

/// What is under way on one lane.
struct Errand {
  remote::Request* request;
};

bool IsDone(const Move& move, remote::Request* request) {
  if (!remote::WaitBounded(request, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kLookMs))) {
    if (remote::IsBroken(request->connection)) remote::RaiseError(request);
    RaiseIfLeaving(move);
    return false;
  }
  if (request->failed) remote::RaiseError(request);
  return true;
}

remote::Request* SendOn(remote::Connection* lane, const char* sql) {
  remote::StatementText statement;
  statement.sql = sql;
  return remote::Send(lane, statement, nullptr);
}

const char* PartSql(const Member& member, int parts) {
  return psprintf("SELECT altius_internal.create_shard(" INT64_FORMAT ", %d)", member.shard_id, parts);
}

const char* TableSql(const Move&, const Member& member) { return PartSql(member, ddl::kTable); }
const char* IndexSql(const Move&, const Member& member) { return PartSql(member, ddl::kIndexes); }
const char* AnalyzeSql(const Move&, const Member& member) {
  return psprintf("ANALYZE %s", member.name);
}
const char* AttachSql(const Move&, const Member& member) {
  return PartSql(member, ddl::kAttach | ddl::kAccess | ddl::kTriggers | ddl::kComments);
}

const char* copy_snapshot = nullptr;

const char* CopySql(const Move& move, const Member& member) {
  return psprintf("SELECT altius_internal.copy_shard_from(" INT64_FORMAT ", %d, %s)", member.shard_id, move.source,
                  copy_snapshot == nullptr ? "NULL" : quote_literal_cstr(copy_snapshot));
}

/// One after the other, in the members' order.
void InOrder(Move* move, const char* (*sql)(const Move&, const Member&)) {
  for (const Member& member : move->members) (void)Ask(move, move->lanes[0], sql(*move, member));
}

}  // namespace

void OpenSessions(Move* move) {
  move->registry = remote::OwnConnectionTo(catalog::LocalGroup());
  int tables = 0;
  for (const Member& member : move->members) tables += member.has_rows ? 1 : 0;
  const int lanes = std::max(1, std::min(tables, copy_sessions));
  for (int i = 0; i < lanes; i++) move->lanes.push_back(remote::OwnConnectionTo(move->target));
  BeginWatch(move);
}

namespace {

/// What runs there for nobody is cancelled: a lock that it waits for, or has, is in the way of others.
void GiveUp(remote::Connection* session, bool* answers) noexcept {
  if (*answers && !remote::IsBroken(session) && !remote::IsIdle(session)) *answers = remote::SendCancel(session);
  remote::GiveBack(session);
}

}  // namespace

void CloseSessions(Move* move) noexcept {
  for (remote::Connection** session : {&move->flip, &move->at_source, &move->registry}) {
    bool answers = true;
    if (*session != nullptr) GiveUp(*session, &answers);
    *session = nullptr;
  }
  bool answers = true;
  for (remote::Connection* lane : move->lanes) GiveUp(lane, &answers);
  move->lanes.clear();
  move->streams.clear();
}

void ForEachMember(Move* move, bool with_rows_only, const char* (*sql)(const Move&, const Member&)) {
  auto* errands = static_cast<Errand*>(palloc0(sizeof(Errand) * move->lanes.size()));
  int next = 0;
  int under_way = 0;
  for (;;) {
    for (int i = 0; i < move->lanes.size(); i++) {
      while (with_rows_only && next < move->members.size() && !move->members[next].has_rows) next++;
      if (errands[i].request != nullptr || next >= move->members.size()) continue;
      errands[i].request = SendOn(move->lanes[i], sql(*move, move->members[next++]));
      under_way++;
    }
    if (under_way == 0) return;
    for (int i = 0; i < move->lanes.size(); i++) {
      if (errands[i].request == nullptr || !IsDone(*move, errands[i].request)) continue;
      errands[i].request = nullptr;
      under_way--;
    }
  }
}

void MakeTables(Move* move) {
  InOrder(move, TableSql);
  txn::StopPoint("move: tables made");
}

void CopyRows(Move* move, const char* snapshot) {
  SetPhase(Phase::CopyingData);
  copy_snapshot = snapshot;
  ForEachMember(move, true, CopySql);
  txn::StopPoint("move: rows copied");
}

void FinishTables(Move* move) {
  SetPhase(Phase::CreatingConstraints);
  ForEachMember(move, true, IndexSql);
  for (const Member& member : move->members) {
    if (!member.has_rows) (void)Ask(move, move->lanes[0], IndexSql(*move, member));
  }
  InOrder(move, AttachSql);
  ForEachMember(move, true, AnalyzeSql);
  txn::StopPoint("move: indexes built");
}

}  // namespace altius::rebalance
