// SPDX-License-Identifier: PostgreSQL
// Holding back writers of shards, and DDL of their tables, for the moment in which the placements change.
#include "altius/core/replication/pgoutput.hpp"
#include "altius/ddl/table_commands.hpp"
#include "altius/pg/bounded_lock.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/relation_lock.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "move.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance {

pg::Array<int64> ShardIds(ArrayType* array) {
  Datum* values;
  int count;
  deconstruct_array(array, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, nullptr, &count);
  pg::Array<int64> ids;
  for (int i = 0; i < count; i++) ids.push_back(DatumGetInt64(values[i]));
  return ids;
}

namespace {

constexpr int kDefinition = ddl::kTable | ddl::kIndexes | ddl::kAttach | ddl::kAccess | ddl::kPrivileges |
                            ddl::kForeignKeys | ddl::kTriggers | ddl::kComments;

const catalog::Table* RequireTable(int64 id, int* index) {
  const catalog::Table* table = catalog::FindTableOfShard(id, index);
  if (table != nullptr) return table;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("shard %lld does not exist any more", static_cast<long long>(id))));
  pg_unreachable();
}

pg::Array<Oid> TablesOf(const pg::Array<int64>& ids) {
  pg::Array<Oid> tables;
  int index = 0;
  for (const int64 id : ids) tables.push_back(RequireTable(id, &index)->relid);
  return tables;
}

pg::Array<Oid> ShardsHere(const pg::Array<int64>& ids) {
  pg::Array<Oid> shards;
  for (const int64 id : ids) {
    int index = 0;
    const catalog::Table* table = RequireTable(id, &index);
    const Oid relid = catalog::RelationOfShard(*table, table->shards[index], NoLock);
    if (!OidIsValid(relid)) {
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                      errmsg("shard %lld is not on this node", static_cast<long long>(id))));
    }
    shards.push_back(relid);
  }
  return shards;
}

template <typename Body>
void Within(long ms, Body&& body) {
  const int level = NewGUCNestLevel();
  (void)set_config_option("lock_timeout", psprintf("%ld", ms), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  body();
  AtEOXact_GUC(true, level);
}

void LockHere(Oid relid, LOCKMODE mode) {
  if (pg::LockIfThere(relid, mode)) return;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("a table of the shard group was dropped meanwhile")));
}

/// Raises 55P03 when a lock is not to be had in time.
void LockAll(const pg::Array<Oid>& relations, LOCKMODE mode, int timeout_ms) {
  const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
  for (const Oid relid : relations) {
    Within(std::max(1L, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline)), [&] {
      LockHere(relid, mode);
    });
  }
}

/// Whoever has joined the group and not committed yet has taken its places and ranges as they are.
void LockGroupOf(int64 shard, int timeout_ms) {
  int index = 0;
  const int colocation = RequireTable(shard, &index)->colocation;
  if (colocation == 0) return;
  Within(timeout_ms, [&] { catalog::LockColocation(colocation, catalog::kChangesColocation); });
}

/// The log up to here is on disk, so whoever reads it gets all that was written under the locks of others, and passes the
/// position at once: there is something behind it.
char* FlushedPosition() {
  char* position = pg::FetchText("SELECT pg_catalog.pg_current_wal_insert_lsn()");
  uint64 end = 0;
  if (!core::ParseLsn(pg::FetchText("SELECT pg_catalog.pg_logical_emit_message(false, 'altius', '')"), &end))
    elog(ERROR, "unexpected position of the log");
  XLogFlush(end);
  return position;
}

/// False when the body waited for a lock in vain, or was chosen to end a deadlock; then it has none.
template <typename Body>
bool TryLocks(Body&& body) {
  ErrorData* error = pg::Try(body);
  if (error == nullptr) return true;
  if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
    ReThrowError(error);
  return false;
}

/// DDL waits from now on, nobody else does, and no table joins the group.  The tables must be what they were when the move
/// began.
void LockDefinitions(const pg::Array<int64>& ids, const char* definition, int timeout_ms) {
  LockGroupOf(ids[0], timeout_ms);
  LockAll(TablesOf(ids), ShareUpdateExclusiveLock, timeout_ms);
  if (strcmp(Definition(ids), definition) == 0) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the tables of the shard group have changed while it was moved"), errhint("Move it again.")));
}

/// Locks that others wait for go with this session when nothing comes for so long: who holds them through it may be frozen, or
/// wait for somebody who is.  Until the end of the transaction; 0: they stay.
void HoldAtMost(int ms) {
  if (ms <= 0) return;
  (void)set_config_option("idle_in_transaction_session_timeout", psprintf("%d", ms), PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_LOCAL, true, 0, false);
}

constexpr int kOldMs = 1000;

/// Raises 55P03, instead of standing in the queue in front of others, when a transaction has the relation that is open for
/// longer than it would be waited for.
void LockUnlessHeldForLong(const pg::Array<Oid>& relations, LOCKMODE mode, int timeout_ms) {
  for (const Oid relid : relations) pg::RaiseIfHeldFor(relid, mode, kOldMs + 2 * timeout_ms);
  LockAll(relations, mode, timeout_ms);
}

/// Null when somebody writes at this moment, and for some time.
char* LockShardsOn(int group, Datum shards, int timeout_ms, int hold_ms) {
  if (group == catalog::LocalGroup()) {
    LockUnlessHeldForLong(ShardsHere(ShardIds(DatumGetArrayTypeP(shards))), ExclusiveLock, timeout_ms);
    return FlushedPosition();
  }
  const char* list = DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, shards));
  return remote::FetchValue(txn::Enlist(group, txn::Access::Write),
                            psprintf("SELECT altius_internal.lock_shards('%s', %d, %d)", list, timeout_ms, hold_ms));
}

}  // namespace

/// The tables are locked while they are looked at, no longer: what is read of one that goes meanwhile fails in its own way each time.
const char* Definition(const pg::Array<int64>& ids) {
  uint64 hash = 0;
  const pg::Array<Oid> tables = TablesOf(ids);
  txn::StopPoint("move: begun");
  for (const Oid relid : tables) {
    LockHere(relid, AccessShareLock);
    ListCell* cell;
    foreach (cell, ddl::TableCommands(relid, kDefinition)) {
      const auto* command = static_cast<const char*>(lfirst(cell));
      hash = DatumGetUInt64(hash_any_extended(reinterpret_cast<const unsigned char*>(command),
                                              static_cast<int>(strlen(command)), hash));
    }
    UnlockRelationOid(relid, AccessShareLock);
  }
  return psprintf("%016llx", static_cast<unsigned long long>(hash));
}

/// The statement for the node that has the shard.
const char* RequireShardSql(int64 shard_id, const char* name) {
  return psprintf("SELECT altius_internal.require_shard(" INT64_FORMAT ", %s)", shard_id, quote_literal_cstr(name));
}

}  // namespace altius::rebalance

/// require_shard(shard_id bigint, name text): an error unless the name is that of the shard on this node, which stays so until the end
/// of the transaction.
ALTIUS_FUNCTION(altius_require_shard) {
  using namespace altius;
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(1));
  int index = 0;
  const catalog::Table* table = rebalance::RequireTable(PG_GETARG_INT64(0), &index);
  const catalog::Shard& shard = table->shards[index];
  const bool there = OidIsValid(catalog::RelationOfShard(*table, shard, AccessShareLock));
  if (there && strcmp(catalog::QualifiedShardName(*table, shard), name) == 0) PG_RETURN_VOID();
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("%s is not the shard of \"%s\" on this node", name, table->name),
                  errhint("The table may have got another name on one of the nodes.")));
}

/// block_shard_writes(source integer, shards bigint[], timeout_ms integer, hold_ms integer, definition text): on the
/// coordinator; null when somebody writes, or changes the tables (DDL begins here); an error when they have been changed.
ALTIUS_FUNCTION(altius_block_shard_writes) {
  using namespace altius::rebalance;
  char* position = nullptr;
  const int timeout_ms = PG_GETARG_INT32(2);
  const int hold_ms = PG_GETARG_INT32(3);
  const bool locked = TryLocks([&] {
    LockDefinitions(ShardIds(PG_GETARG_ARRAYTYPE_P(1)), text_to_cstring(PG_GETARG_TEXT_PP(4)), timeout_ms);
    position = LockShardsOn(PG_GETARG_INT32(0), PG_GETARG_DATUM(1), timeout_ms, hold_ms);
  });
  HoldAtMost(hold_ms);
  if (!locked || position == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(position));
}

/// block_reference_writes(source integer, shards bigint[], timeout_ms integer, hold_ms integer, definition text): writers of
/// reference tables are held back on the node where they begin, before they look where the copies are; and then those that are
/// about to commit.
ALTIUS_FUNCTION(altius_block_reference_writes) {
  using namespace altius;
  char* position = nullptr;
  const int timeout_ms = PG_GETARG_INT32(2);
  const int hold_ms = PG_GETARG_INT32(3);
  const bool locked = rebalance::TryLocks([&] {
    const char* list = DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(1)));
    const auto ids = rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(1));
    rebalance::LockDefinitions(ids, text_to_cstring(PG_GETARG_TEXT_PP(4)), timeout_ms);
    // Who is frozen shall not be waited for under a lock of this server's: those of others go by themselves.
    txn::ExecuteOnOtherNodes(psprintf("SELECT altius_internal.lock_tables('%s', %d, %d)", list, timeout_ms, hold_ms));
    rebalance::LockUnlessHeldForLong(rebalance::TablesOf(ids), ShareRowExclusiveLock, timeout_ms);
    position = rebalance::LockShardsOn(PG_GETARG_INT32(0), PG_GETARG_DATUM(1), timeout_ms, hold_ms);
  });
  rebalance::HoldAtMost(hold_ms);
  if (!locked || position == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(position));
}

/// lock_tables(shards bigint[], timeout_ms integer, hold_ms integer): on any node; raises an error, which names them, when
/// somebody writes the tables for so long.
ALTIUS_FUNCTION(altius_lock_tables) {
  using namespace altius;
  rebalance::HoldAtMost(PG_GETARG_INT32(2));
  for (const Oid relid : rebalance::TablesOf(rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(0)))) {
    pg::RaiseIfHeldFor(relid, ShareRowExclusiveLock, rebalance::kOldMs + 2 * PG_GETARG_INT32(1));
    const char* name = psprintf("table \"%s\"", get_rel_name(relid));
    pg::LockRelationWithin(relid, ShareRowExclusiveLock, PG_GETARG_INT32(1), name);
  }
  PG_RETURN_VOID();
}

/// lock_shards(shards bigint[], timeout_ms integer, hold_ms integer): on the source; the position of its log that has all
/// changes.  Readers go on.  Null when somebody writes.
ALTIUS_FUNCTION(altius_lock_shards) {
  using namespace altius::rebalance;
  const auto shards = ShardsHere(ShardIds(PG_GETARG_ARRAYTYPE_P(0)));
  if (!TryLocks([&] { LockUnlessHeldForLong(shards, ExclusiveLock, PG_GETARG_INT32(1)); })) PG_RETURN_NULL();
  HoldAtMost(PG_GETARG_INT32(2));
  PG_RETURN_TEXT_P(cstring_to_text(FlushedPosition()));
}
