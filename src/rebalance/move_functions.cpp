// SPDX-License-Identifier: PostgreSQL
// citus_move_shard_placement: the order of the steps, and what happens when one of them fails.
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/transaction_block.hpp"
#include "altius/rebalance/rebalance.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "move.hpp"
#include "progress.hpp"
#include "space.hpp"
#include "watch.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::rebalance {

namespace {

void RequireCoordinator(const char* done) {
  if (catalog::IsCoordinator()) return;
  const catalog::Node* coordinator = nullptr;
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group == catalog::kCoordinatorGroup) coordinator = node;
  }
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("shards are %s by the coordinator", done),
                  coordinator == nullptr ? errhint("Connect to the coordinator and try again.")
                                         : errhint("Connect to the coordinator, %s:%d, and try again.",
                                                   coordinator->host, coordinator->port)));
}

/// Whether this transaction goes on on other nodes, too.
bool HasParticipants() {
  for (int i = 0; i < remote::ConnectionCount(); i++) {
    if (remote::Attachment(remote::ConnectionAt(i)) != nullptr) return true;
  }
  return false;
}

/// Moves and splits are made of transactions of their own, which don't see what this one has not committed, and
/// wait for its locks.
void RequireCleanTransaction(const char* done) {
  if (!TransactionIdIsValid(GetTopTransactionIdIfAny()) && !HasParticipants()) return;
  ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                  errmsg("shards cannot be %s in a transaction that has changed something or used other nodes", done),
                  errdetail("That is committed by itself, whatever becomes of this transaction."),
                  errhint("Commit first.")));
}

}  // namespace

void RequireMovable(const char* done) {
  RequireCoordinator(done);
  RequireCleanTransaction(done);
}

Mode ModeOf(Oid value) {
  const char* label = DatumGetCString(OidFunctionCall1(F_ENUM_OUT, ObjectIdGetDatum(value)));
  if (strcmp(label, "block_writes") == 0) return Mode::BlockWrites;
  return strcmp(label, "force_logical") == 0 ? Mode::Logical : Mode::Auto;
}

const char* DefinitionOf(const Move& move) {
  pg::Array<int64> ids;
  for (const Member& member : move.members) ids.push_back(member.shard_id);
  return Definition(ids);
}

namespace {

void MoveWithWritesBlocked(Move* move) {
  MakeTables(move);
  (void)BlockWrites(move);
  CopyRows(move, nullptr);
  FinishTables(move);
  SetPhase(Phase::CreatingForeignKeys);
  MakeForeignKeys(move);
  SetPhase(Phase::Completing);
  if (!TryFinishFlip(move, 0)) RaiseLostFlip();
}

void RunMove(Move* move) {
  SetPhase(Phase::SettingUp);
  OpenSessions(move);
  CheckSpace(move, *move, 1);
  ClearWay(*move);
  move->definition = DefinitionOf(*move);
  move->operation = NextOperation(move->registry);
  LockOperation(move->operation);
  for (const Member& member : move->members)
    Register(*move, Resource::Shard, move->target, member.name, Policy::OnFailure);
  txn::StopPoint("move: registered");
  if (move->mode == Mode::BlockWrites) {
    MoveWithWritesBlocked(move);
  } else {
    MoveOnline(move);
  }
  CommitFlip(move);
  txn::StopPoint("move: flipped");
  SetPhase(Phase::Completed);
  if (move->mode != Mode::BlockWrites) TidyUp([&] { EndOnline(move); });
}

}  // namespace

void PerformMove(Move* move) {
  RequireOwnership(*move);
  pg::RequireNoBlock(move->copies ? "shards cannot be copied" : "shards cannot be moved");
  LockShardGroup(*move);
  txn::NeedMaintenance();
  BeginProgress(move->copies ? "copy" : "move", move->members[0].shard_id, move->source_node, move->target_node);
  const pg::Rights before = pg::BecomeSuperuser();
  try {
    pg::Call([&] { RunMove(move); });
  } catch (...) {
    CloseSessions(move);
    txn::WakeMaintenance();
    throw;
  }
  CloseSessions(move);
  EndProgress();
  pg::ReturnRights(before);
  txn::WakeMaintenance();
}

namespace {

void MoveShardGroup(int64 shard_id, int source_node, int target_node, Mode mode) {
  RequireMovable("moved");
  auto* move = new (palloc0(sizeof(Move))) Move{};
  move->source_node = source_node;
  move->target_node = target_node;
  move->mode = mode;
  if (!FillMove(move, shard_id)) return;
  SettleMode(move);
  PerformMove(move);
}

}  // namespace
}  // namespace altius::rebalance

/// citus_move_shard_placement(shard_id bigint, source_node_id int, target_node_id int, transfer_mode)
ALTIUS_FUNCTION(citus_move_shard_placement_with_nodeid) {
  using namespace altius;
  rebalance::MoveShardGroup(PG_GETARG_INT64(0), PG_GETARG_INT32(1), PG_GETARG_INT32(2),
                            rebalance::ModeOf(PG_GETARG_OID(3)));
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(citus_move_shard_placement) {
  using namespace altius;
  const int source = rebalance::NodeIdOf(text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_INT32(2));
  const int target = rebalance::NodeIdOf(text_to_cstring(PG_GETARG_TEXT_PP(3)), PG_GETARG_INT32(4));
  rebalance::MoveShardGroup(PG_GETARG_INT64(0), source, target, rebalance::ModeOf(PG_GETARG_OID(5)));
  PG_RETURN_VOID();
}
