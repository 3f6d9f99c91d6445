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

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

namespace {

constexpr int kFirstTimeoutMs = 40;   // a writer waits this long behind an attempt that fails
constexpr int kLastTimeoutMs = 120;
constexpr int kPauseMs = 150;
constexpr int kPatienceMs = 100;      // for the locks of FinishFlip

void Pause(long ms) {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

char* StartFlip(Move* move) {
  if (move->flip == nullptr) move->flip = remote::OwnConnectionTo(catalog::LocalGroup());
  remote::Execute(move->flip, "BEGIN ISOLATION LEVEL READ COMMITTED");
  return psprintf("SELECT altius_internal.begin_flip(" INT64_FORMAT ")", move->operation);
}

}  // namespace

bool TryBlockWrites(Move* move, int timeout_ms, uint64* position) {
  remote::Execute(move->flip, "SAVEPOINT attempt");
  const char* lsn = remote::FetchValue(move->flip, psprintf("SELECT altius_internal.block_shard_writes(%d, '%s', %d)",
                                                            move->source, move->shard_list, timeout_ms));
  if (lsn == nullptr) {
    remote::Execute(move->flip, "ROLLBACK TO attempt");
    return false;
  }
  return core::ParseLsn(lsn, position);
}

void BeginFlip(Move* move) { remote::Execute(move->flip, StartFlip(move)); }

/// Foreign keys to reference tables need a lock on the target's copy, which somebody may be writing to.
bool TryMakeForeignKeys(Move* move) {
  const char* made = remote::FetchValue(
      move->flip, psprintf("SELECT altius_internal.make_foreign_keys(%d, '%s', %d)", move->target, move->shard_list,
                           kPatienceMs));
  return made != nullptr && made[0] == 't';
}

uint64 BlockWrites(Move* move) {
  BeginFlip(move);
  uint64 position = 0;
  int timeout_ms = kFirstTimeoutMs;
  while (!TryBlockWrites(move, timeout_ms, &position)) {
    Pause(kPauseMs);
    timeout_ms = std::min(timeout_ms + 20, kLastTimeoutMs);
  }
  txn::StopPoint("move: writes blocked");
  return position;
}

void MakeForeignKeys(Move* move) {
  while (!TryMakeForeignKeys(move)) Pause(kPauseMs);
}

void UnblockWrites(Move* move) { remote::Execute(move->flip, "ROLLBACK TO attempt"); }

void Flip(Move* move) {
  remote::Execute(move->flip,
                  psprintf("SELECT altius_internal.finish_flip(" INT64_FORMAT ", %d, %d, '%s')", move->operation,
                           move->source, move->target, move->shard_list));
  txn::StopPoint("move: before flip");
  remote::Execute(move->flip, "COMMIT");
}

namespace {

pg::Array<int64> ShardIds(ArrayType* array) {
  Datum* values;
  bool* nulls;
  int count;
  deconstruct_array(array, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &count);
  pg::Array<int64> ids;
  for (int i = 0; i < count; i++) ids.push_back(DatumGetInt64(values[i]));
  return ids;
}

Oid ShardOid(int64 id) {
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(id, &index);
  if (table == nullptr) return InvalidOid;
  return get_relname_relid(catalog::ShardName(*table, table->shards[index]), get_rel_namespace(table->relid));
}

void LockAll(const pg::Array<int64>& ids, TimestampTz deadline) {
  for (const int64 id : ids) {
    const Oid relid = ShardOid(id);
    if (!OidIsValid(relid)) {
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                      errmsg("shard %lld is not on this node", static_cast<long long>(id))));
    }
    const long left = std::max(1L, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline));
    SetConfigOption("lock_timeout", psprintf("%ld", left), PGC_USERSET, PGC_S_SESSION);
    LockRelationOid(relid, ExclusiveLock);
  }
}

/// Writers are held back from now on, readers are not.  False when somebody writes at this moment, and for some time.
bool LockShards(const pg::Array<int64>& ids, int timeout_ms) {
  const char* before = pstrdup(GetConfigOption("lock_timeout", false, false));
  const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
  const ErrorData* error = pg::Try([&] { LockAll(ids, deadline); });
  SetConfigOption("lock_timeout", before, PGC_USERSET, PGC_S_SESSION);
  if (error == nullptr) return true;
  if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE || error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED) return false;
  ReThrowError(const_cast<ErrorData*>(error));
  pg_unreachable();
}

/// The log up to here is on disk, so whoever reads it gets all that was written under the locks of others.
char* FlushedPosition() {
  char* position = pg::FetchText("SELECT pg_catalog.pg_logical_emit_message(false, 'altius', '')");
  uint64 lsn = 0;
  if (!core::ParseLsn(position, &lsn)) elog(ERROR, "unexpected position of the log: %s", position);
  XLogFlush(lsn);
  return position;
}

/// The group must be what it was when the move began: tables may have come or gone meanwhile.
void CheckGroup(const pg::Array<int64>& ids, int source, int target) {
  int index = 0;
  const catalog::Table* lead = catalog::FindTableOfShard(ids[0], &index);
  if (lead != nullptr) {
    const auto together = lead->colocation == 0 ? pg::Array<const catalog::Table*>() : catalog::TablesOfColocation(lead->colocation);
    bool same = lead->colocation == 0 || together.size() == ids.size();
    for (const int64 id : ids) {
      int at = 0;
      const catalog::Table* table = catalog::FindTableOfShard(id, &at);
      same = same && table != nullptr && at == index && table->colocation == lead->colocation &&
             catalog::HasPlacement(table->shards[at], source) && !catalog::HasPlacement(table->shards[at], target);
    }
    if (same) return;
  }
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the tables of the shard group have changed while it was moved"),
                  errhint("Move it again.")));
}

void AddForeignKeys(const pg::Array<int64>& ids, int target, int timeout_ms) {
  for (const int64 id : ids) {
    const char* sql =
        psprintf("SELECT altius_internal.create_valid_foreign_keys(" INT64_FORMAT ", %d)", id, timeout_ms);
    if (target == catalog::LocalGroup()) {
      (void)pg::RunSql(sql);
    } else {
      txn::ExecuteOnGroups(&target, 1, sql);
    }
  }
}

/// The new shards are lasting now; the old ones are to be dropped.
void SwitchRecords(int64 operation, const pg::Array<int64>& ids, int source) {
  (void)pg::RunSql(psprintf("DELETE FROM pg_catalog.pg_dist_cleanup WHERE operation_id = " INT64_FORMAT
                            " AND (object_type = %d OR object_type = %d)",
                            operation, static_cast<int>(Resource::Shard), static_cast<int>(Resource::ReplicaIdentity)));
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

void FinishFlip(int64 operation, int source, int target, const pg::Array<int64>& ids, const char* shard_list) {
  CheckGroup(ids, source, target);
  SwitchRecords(operation, ids, source);
  txn::ExecuteOnOtherNodes(psprintf("SELECT altius_internal.move_placements('%s', %d, %d)", shard_list, source, target));
  catalog::MovePlacements(ids.size(), ids.data(), source, target);
  txn::NoteLocalWrite();
  txn::CommitFirst(source);
}

}  // namespace
}  // namespace altius::rebalance

/// begin_flip(operation bigint): the transaction that follows belongs to the operation; nodes neither come nor go.
ALTIUS_FUNCTION(altius_begin_flip) {
  altius::rebalance::LockOperation(PG_GETARG_INT64(0));
  altius::catalog::LockNodes(RowShareLock);
  PG_RETURN_VOID();
}

/// block_shard_writes(source integer, shards bigint[], timeout_ms integer): on the coordinator; null when somebody writes.
ALTIUS_FUNCTION(altius_block_shard_writes) {
  using namespace altius;
  const int source = PG_GETARG_INT32(0);
  char* position = nullptr;
  if (source == catalog::LocalGroup()) {
    if (rebalance::LockShards(rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(1)), PG_GETARG_INT32(2)))
      position = rebalance::FlushedPosition();
  } else {
    char* list = DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(1)));
    position = remote::FetchValue(
        txn::Enlist(source, txn::Access::Write),
        psprintf("SELECT altius_internal.lock_shards('%s', %d)", list, PG_GETARG_INT32(2)));
  }
  if (position == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(position));
}

/// lock_shards(shards bigint[], timeout_ms integer): on the source.
ALTIUS_FUNCTION(altius_lock_shards) {
  using namespace altius::rebalance;
  if (!LockShards(ShardIds(PG_GETARG_ARRAYTYPE_P(0)), PG_GETARG_INT32(1))) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(FlushedPosition()));
}

/// make_foreign_keys(target integer, shards bigint[], timeout_ms integer): on the coordinator; false when a lock is not to
/// be had in time.
ALTIUS_FUNCTION(altius_make_foreign_keys) {
  using namespace altius;
  const pg::Array<int64> ids = rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(1));
  const int target = PG_GETARG_INT32(0);
  const int timeout_ms = PG_GETARG_INT32(2);
  ErrorData* error = pg::Try([&] { rebalance::AddForeignKeys(ids, target, timeout_ms); });
  if (error != nullptr && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) ReThrowError(error);
  PG_RETURN_BOOL(error == nullptr);
}

/// finish_flip(operation bigint, source integer, target integer, shards bigint[])
ALTIUS_FUNCTION(altius_finish_flip) {
  using namespace altius;
  const char* list = DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(3)));
  rebalance::FinishFlip(PG_GETARG_INT64(0), PG_GETARG_INT32(1), PG_GETARG_INT32(2),
                        rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(3)), list);
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
  AtEOXact_GUC(true, level);
  PG_RETURN_VOID();
}
