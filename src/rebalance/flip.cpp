// SPDX-License-Identifier: PostgreSQL
// The moment in which a shard group changes its node: one distributed transaction, run by a session of the move on this
// server.  It locks the shards on the source against writers, and ends with the placements changed on all nodes.  Writers
// who waited for the lock find that the shards do not lie there any more, and go on to the target (task/ownership.hpp).
#include "altius/catalog/writer.hpp"
#include "altius/core/replication/pgoutput.hpp"
#include "altius/ddl/table_commands.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "move.hpp"
#include "online.hpp"
#include "pause.hpp"
#include "settings.hpp"
#include "watch.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

namespace {

constexpr int kPauseMs = 150;
constexpr int kPatienceMs = 100;      // for the locks of FinishFlip

char* StartFlip(Move* move) {
  if (move->flip == nullptr) move->flip = remote::OwnConnectionTo(catalog::LocalGroup());
  remote::Execute(move->flip, "BEGIN ISOLATION LEVEL READ COMMITTED");
  return psprintf("SELECT altius_internal.begin_flip(" INT64_FORMAT ")", move->operation);
}

}  // namespace

bool TryBlockWrites(Move* move, int timeout_ms, int hold_ms, uint64* position) {
  move->blocked_at = GetCurrentTimestamp();
  const char* function = move->copies ? "block_reference_writes" : "block_shard_writes";
  char* lsn;
  const bool kept = TryInFlip(move,
                              psprintf("SELECT altius_internal.%s(%d, '%s', %d, %d, '%s')", function, move->source,
                                       move->shard_list, timeout_ms, hold_ms, move->definition),
                              0, &lsn);
  return kept && lsn != nullptr && core::ParseLsn(lsn, position);
}

void BeginFlip(Move* move) { (void)Ask(move, move->flip, StartFlip(move)); }

bool IsFlipLost(const Move& move) { return remote::IsBroken(move.flip) || !remote::IsIdle(move.flip); }

void AbandonFlip(Move* move) {
  char* nothing;
  if (!IsFlipLost(*move) && TryInFlip(move, "ROLLBACK", pause_limit_ms, &nothing)) return;
  remote::GiveBack(move->flip);
  move->flip = nullptr;
}

[[noreturn]] void RaiseLostFlip() {
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("a session of the transaction that changes the placements was lost"),
                  errdetail("The transaction is rolled back."), errhint("Try again.")));
  pg_unreachable();
}

/// Writers shall not wait for what happens for the first time in a session: connections are open and caches filled before.
void RehearseFlip(Move* move) {
  BeginFlip(move);
  (void)TryMakeForeignKeys(move, 0);
  AbandonFlip(move);
}

/// Foreign keys to reference tables need a lock on the target's copy, which somebody may be writing to.
bool TryMakeForeignKeys(Move* move, int hold_ms) {
  char* made;
  const bool kept = TryInFlip(move,
                              psprintf("SELECT altius_internal.make_foreign_keys(%d, '%s', %d)", move->target,
                                       move->shard_list, kPatienceMs),
                              hold_ms > 0 ? hold_ms + kPatienceMs : 0, &made);
  return kept && made != nullptr && made[0] == 't';
}

uint64 BlockWrites(Move* move) {
  uint64 position = 0;
  Patience patience;
  BeginFlip(move);
  while (!TryBlockWrites(move, patience.lock_ms, 0, &position)) {
    AbandonFlip(move);
    patience.ForLocks();
    patience.Rest();
    BeginFlip(move);
  }
  txn::StopPoint("move: writes blocked");
  return position;
}

void MakeForeignKeys(Move* move) {
  while (!TryMakeForeignKeys(move, 0)) {
    if (remote::IsBroken(move->flip)) RaiseLostFlip();
    Pause(kPauseMs);
  }
}

bool TryFinishFlip(Move* move, int hold_ms) {
  char* nothing;
  const bool kept =
      TryInFlip(move,
                psprintf("SELECT altius_internal.%s(" INT64_FORMAT ", %d, %d, '%s')", move->copies ? "finish_copy" : "finish_flip",
                         move->operation, move->source, move->target, move->shard_list),
                hold_ms, &nothing);
  if (kept) txn::StopPoint("move: before flip");
  return kept;
}

void CommitFlip(Move* move) {
  remote::Execute(move->flip, "COMMIT");
  const catalog::Node* target = catalog::FindNode(move->target_node);
  ereport(LOG, (errmsg("shard %lld and those beside it lie on node %s:%d now", static_cast<long long>(move->members[0].shard_id),
                       target->host, target->port),
                errdetail("Writers were held back for at most %ld ms.",
                          TimestampDifferenceMilliseconds(move->blocked_at, GetCurrentTimestamp()))));
}

namespace {

/// The group must be what it was when the move began: tables may have come or gone meanwhile.
bool IsSameGroup(const pg::Array<int64>& ids, int source, int target) {
  if (ids.empty()) return false;
  int index = 0;
  const catalog::Table* lead = catalog::FindTableOfShard(ids[0], &index);
  if (lead == nullptr) return false;
  const bool alone = lead->colocation == 0 || lead->kind == catalog::TableKind::Reference;
  bool same = alone || catalog::TablesOfColocation(lead->colocation).size() == ids.size();
  for (const int64 id : ids) {
    int at = 0;
    const catalog::Table* table = catalog::FindTableOfShard(id, &at);
    same = same && table != nullptr && at == index && table->colocation == lead->colocation &&
           catalog::HasPlacement(table->shards[at], source) && !catalog::HasPlacement(table->shards[at], target);
  }
  return same;
}

}  // namespace

void CheckGroup(const pg::Array<int64>& ids, int source, int target) {
  if (IsSameGroup(ids, source, target)) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the tables of the shard group have changed meanwhile"),
                  errhint("Try again.")));
}

void ForgetRecords(int64 operation) {
  (void)pg::RunSql(psprintf("DELETE FROM pg_catalog.pg_dist_cleanup WHERE operation_id = " INT64_FORMAT
                            " AND (object_type = %d OR object_type = %d)",
                            operation, static_cast<int>(Resource::Shard), static_cast<int>(Resource::ReplicaIdentity)));
}

void RecordOldShards(int64 operation, const pg::Array<int64>& ids, int source) {
  for (const int64 id : ids) {
    int index = 0;
    const catalog::Table* table = catalog::FindTableOfShard(id, &index);
    (void)pg::RunSql(psprintf(
        "INSERT INTO pg_catalog.pg_dist_cleanup (operation_id, object_type, object_name, node_group_id, policy_type) "
        "VALUES (" INT64_FORMAT ", %d, %s, %d, %d)",
        operation, static_cast<int>(Resource::Shard),
        quote_literal_cstr(catalog::QualifiedShardName(*table, table->shards[index])), source,
        static_cast<int>(Policy::DeferredOnSuccess)));
  }
}

namespace {

void AddForeignKeys(const char* shard_list, int target, int timeout_ms) {
  const char* sql = psprintf("SELECT altius_internal.create_valid_foreign_keys(id, %d) FROM pg_catalog.unnest('%s'::bigint[]) id",
                             timeout_ms, shard_list);
  if (target == catalog::LocalGroup()) {
    (void)pg::RunSql(sql);
  } else {
    txn::ExecuteOnGroups(&target, 1, sql);
  }
}

/// Arguments of finish_flip and finish_copy.
struct Finish {
  explicit Finish(FunctionCallInfo fcinfo)
      : operation(PG_GETARG_INT64(0)),
        source(PG_GETARG_INT32(1)),
        target(PG_GETARG_INT32(2)),
        ids(ShardIds(PG_GETARG_ARRAYTYPE_P(3))),
        shard_list(DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(3)))) {
    CheckGroup(ids, source, target);
  }
  int64 operation;
  int source;
  int target;
  pg::Array<int64> ids;
  const char* shard_list;
};

void FinishFlip(const Finish& it) {
  txn::StopPoint("flip: finishing");
  ForgetRecords(it.operation);
  RecordOldShards(it.operation, it.ids, it.source);
  txn::ExecuteOnOtherNodes(psprintf("SELECT altius_internal.move_placements('%s', %d, %d)", it.shard_list, it.source,
                                     it.target));
  catalog::MovePlacements(it.ids.size(), it.ids.data(), it.source, it.target);
  txn::NoteLocalWrite();
  txn::CommitFirst(it.source);
}

void FinishCopy(const Finish& it) {
  txn::StopPoint("flip: finishing");
  ForgetRecords(it.operation);
  for (const int64 shard : it.ids) {
    const int64 placement = catalog::NextPlacementId();
    txn::ExecuteOnOtherNodes(psprintf("SELECT altius_internal.insert_placements('{" INT64_FORMAT "}', '{" INT64_FORMAT
                                      "}', '{%d}')",
                                      placement, shard, it.target));
    catalog::InsertPlacements(1, &placement, &shard, &it.target);
  }
  txn::NoteLocalWrite();
}

}  // namespace
}  // namespace altius::rebalance

/// begin_flip(operation bigint): the transaction that follows belongs to the operation; nodes neither come nor go.
ALTIUS_FUNCTION(altius_begin_flip) {
  altius::rebalance::LockOperation(PG_GETARG_INT64(0));
  altius::catalog::LockNodes(RowShareLock);
  // Opens the connections.
  altius::txn::ExecuteOnOtherNodes("SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_placement WHERE shardid = 0");
  PG_RETURN_VOID();
}

/// make_foreign_keys(target integer, shards bigint[], timeout_ms integer): on the coordinator; false when a lock is not to
/// be had in time.
ALTIUS_FUNCTION(altius_make_foreign_keys) {
  using namespace altius;
  const char* shard_list = DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(1)));
  const int target = PG_GETARG_INT32(0);
  const int timeout_ms = PG_GETARG_INT32(2);
  ErrorData* error = pg::Try([&] { rebalance::AddForeignKeys(shard_list, target, timeout_ms); });
  if (error != nullptr && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) ReThrowError(error);
  PG_RETURN_BOOL(error == nullptr);
}

/// finish_flip(operation bigint, source integer, target integer, shards bigint[])
ALTIUS_FUNCTION(altius_finish_flip) {
  using namespace altius::rebalance;
  FinishFlip(Finish(fcinfo));
  PG_RETURN_VOID();
}

/// finish_copy(...): the target gets a placement, the source keeps its own.
ALTIUS_FUNCTION(altius_finish_copy) {
  using namespace altius::rebalance;
  FinishCopy(Finish(fcinfo));
  PG_RETURN_VOID();
}

/// create_valid_foreign_keys(shard_id bigint, timeout_ms integer): on the target.  The rows satisfied them on the source,
/// so they are not looked at again.
ALTIUS_FUNCTION(altius_create_valid_foreign_keys) {
  using namespace altius;
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(PG_GETARG_INT64(0), &index);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard " INT64_FORMAT " does not exist", PG_GETARG_INT64(0))));
  const int level = NewGUCNestLevel();
  const auto set = [](const char* name, const char* value) {
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  };
  set("lock_timeout", psprintf("%d", PG_GETARG_INT32(1)));
  ddl::CreateShard(*table, index, ddl::kForeignKeys | ddl::kTrusted);
  CommandCounterIncrement();
  rebalance::MarkAsNew(get_relname_relid(catalog::ShardName(*table, table->shards[index]), get_rel_namespace(table->relid)));
  AtEOXact_GUC(true, level);
  PG_RETURN_VOID();
}
