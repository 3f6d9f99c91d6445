// SPDX-License-Identifier: PostgreSQL
#include "altius/task/copies.hpp"

#include "altius/door/door.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/row_triggers.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/task/checks.hpp"
#include "altius/task/differing.hpp"
#include "altius/task/errors.hpp"
#include "altius/task/ownership.hpp"
#include "altius/task/rows.hpp"
#include "altius/txn/coordinated.hpp"
#include "capture.hpp"
#include "replay.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace altius::task {

Oid ClaimCopy(int64 shard_id) {
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(shard_id, &index);
  const bool reference = table != nullptr && table->kind == catalog::TableKind::Reference;
  const Oid relid = reference ? ClaimShard(*table, table->shards[index]) : InvalidOid;
  if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_RELATION) return relid;
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("a copy of a reference table is gone from this node"),
                  errhint("Run the transaction again.")));
  pg_unreachable();
}

namespace {

constexpr uint16 kCopyLock = 50;  // a class of LOCKTAG_ADVISORY; users' locks have 1 and 2

void Take(int64 shard, core::CopyLock lock) {
  if (lock == core::CopyLock::None) return;
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(shard >> 32), static_cast<uint32>(shard), kCopyLock);
  (void)LockAcquire(&tag, lock == core::CopyLock::Insert ? ShareLock : ExclusiveLock, false, false);
}

int64 ShardOf(const CopyWrite& write) { return write.table->shards[0].id; }

/// --- changes on their way ---

struct Carrier {
  const CopyWrite* write;
  Oid relid;                // of the leading copy, where it is this node's
  RowStore* store;          // of changes that came from another node
  TupleTableSlot* row;
  remote::Request* request;
  MemoryContext memory;     // of what travels at once
};

void Fetch(Carrier* carrier) {
  const int leader = LeadingGroup(*carrier->write->table);
  if (leader == catalog::LocalGroup()) {
    carrier->relid = ClaimCopy(ShardOf(*carrier->write));
    return;
  }
  carrier->store = MakeRowStore(ColumnsOfChange(), false);
  carrier->row = MakeSingleTupleTableSlot(ColumnsOfChange(), &TTSOpsMinimalTuple);
  const char* sql = psprintf("SELECT * FROM altius_internal.take_changes(" INT64_FORMAT ")", ShardOf(*carrier->write));
  remote::Connection* connection = txn::Enlist(leader, txn::Access::Write, carrier->write->owner);
  carrier->request = remote::Send(connection, {.sql = sql, .by_node = true}, MakeSink(carrier->store));
  remote::Wait(carrier->request);
}

bool Next(Carrier* carrier, ChangeBatch* batch) {
  if (carrier->store == nullptr) return TakeChanges(carrier->relid, batch);
  while (!batch->full() && ReadRow(carrier->store, carrier->row, false)) batch->Add(ChangeIn(carrier->row));
  return !batch->changes().empty();
}

remote::Request* SendChanges(const Carrier& carrier, int group, const char* const* values) {
  static const Oid kTypes[] = {TEXTARRAYOID, TEXTARRAYOID};
  KeepChecksBack(group, carrier.write->owner, NIL);
  const char* sql = psprintf("SELECT altius_internal.replay_changes(" INT64_FORMAT ", $1, $2)", ShardOf(*carrier.write));
  const remote::StatementText statement = {
      .sql = sql, .param_count = 2, .param_types = kTypes, .param_values = values, .by_node = true};
  return remote::Send(txn::Enlist(group, txn::Access::Write, carrier.write->owner), statement, nullptr);
}

void MakeOnOthers(const Carrier& carrier, const pg::Array<RowChange>& changes) {
  pg::Array<const char*> old_rows, new_rows;
  for (const RowChange& change : changes) {
    old_rows.push_back(change.old_row);
    new_rows.push_back(change.new_row);
  }
  const char* values[] = {pg::ArrayText(old_rows.data(), old_rows.size()), pg::ArrayText(new_rows.data(), new_rows.size())};
  const catalog::Shard& shard = carrier.write->table->shards[0];
  pg::Array<remote::Request*> requests;
  bool here = false;
  for (int i = 1; i < shard.group_count; i++) {
    if (shard.groups[i] == catalog::LocalGroup()) {
      here = true;
    } else {
      requests.push_back(SendChanges(carrier, shard.groups[i], values));
    }
  }
  if (here) {
    txn::NoteLocalWrite();
    KeepChecksBack(catalog::LocalGroup(), carrier.write->owner, NIL);
    WithShardsHidden(nullptr, [&] { ReplayChanges(ClaimCopy(shard.id), changes); });
  }
  remote::WaitAll(requests.data(), requests.size());
}

void LockFrom(int first, const CopyWrite& write) {
  const catalog::Shard& shard = write.table->shards[0];
  pg::Array<remote::Request*> requests;
  for (int i = first; i < shard.group_count; i++) {
    remote::Request* request = BeginCopy(write, shard.groups[i]);
    if (request != nullptr) requests.push_back(request);
  }
  remote::WaitAll(requests.data(), requests.size());
}

[[noreturn]] void RefuseToCarry(const catalog::Table& table) {
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot change partitioned reference table \"%s\" this way", table.name),
           errdetail("Each copy would have to find by itself what row triggers, other rows or the snapshot of the transaction "
                     "make of it."),
           errhint("Distribute the table, or don't partition it.")));
  pg_unreachable();
}

}  // namespace

core::CopyStatement DescribeCopies(Relation shell, bool inserts_only, int16 triggers) {
  core::CopyStatement statement;
  statement.inserts_only = inserts_only;
  statement.row_triggers = pg::HasRowTriggers(RelationGetRelid(shell), triggers);
  statement.proven = !GeneratesDiffering(shell);
  statement.partitioned = RelationGetForm(shell)->relkind == RELKIND_PARTITIONED_TABLE;
  return statement;
}

plan::Copies CopiesFor(core::CopyStatement statement, Relation shell) {
  plan::Copies copies{};
  copies.lock = core::LockFor(statement, !bms_is_empty(RelationGetIndexAttrBitmap(shell, INDEX_ATTR_BITMAP_PRIMARY_KEY)));
  copies.locks_leader = core::IsAloneOnAll(statement);
  copies.carried = core::IsCarried(statement);
  statement.own_snapshot = true;
  copies.carried_by_snapshot = core::IsCarried(statement);
  return copies;
}

CopyWrite WriteOf(const catalog::Table& table, const plan::Copies& copies, uint64 owner) {
  const bool alone = table.shards[0].group_count < 2;
  const bool carried = IsolationUsesXactSnapshot() ? copies.carried_by_snapshot : copies.carried;
  if (alone) return {&table, core::CopyLock::None, false, false, owner};
  if (carried && copies.locks_leader) RefuseToCarry(table);
  return {&table, copies.lock, copies.locks_leader, carried, owner};
}

bool LocksOwnCopy(const catalog::Table& table) {
  if (!door::IsNodeSession() || table.kind != catalog::TableKind::Reference) return false;
  const catalog::Shard& shard = table.shards[0];
  if (!catalog::HasPlacement(shard, catalog::LocalGroup())) return false;
  Relation copy = RelationIdGetRelation(catalog::RelationOfShard(table, shard, NoLock));
  if (copy == nullptr) return false;
  const bool changed = CheckRelationLockedByMe(copy, RowExclusiveLock, true);
  RelationClose(copy);
  return changed;
}

remote::Request* BeginCopy(const CopyWrite& write, int group) {
  const bool leads = group == LeadingGroup(*write.table);
  const bool keeps = leads && write.carried;
  const bool locks = write.lock != core::CopyLock::None && (!leads || write.locks_leader);
  if (!keeps && !locks) return nullptr;
  if (group == catalog::LocalGroup()) {
    if (keeps) {
      BeginCapture(ClaimCopy(ShardOf(write)), true);
    } else {
      Take(ShardOf(write), write.lock);
    }
    return nullptr;
  }
  const char* sql = keeps ? psprintf("SELECT altius_internal.keep_changes(" INT64_FORMAT ")", ShardOf(write))
                          : psprintf("SELECT altius_internal.lock_copy(" INT64_FORMAT ", %d)", ShardOf(write),
                                     static_cast<int>(write.lock));
  return remote::Send(txn::Enlist(group, txn::Access::Write, write.owner), {.sql = sql, .by_node = true}, nullptr);
}

void LockCopies(const CopyWrite& write) { LockFrom(0, write); }

void CarryChanges(const CopyWrite& write, int64 affected) {
  Carrier carrier{};
  carrier.write = &write;
  carrier.memory = AllocSetContextCreate(CurrentMemoryContext, "altius changes", ALLOCSET_DEFAULT_SIZES);
  Fetch(&carrier);
  const MemoryContext before = MemoryContextSwitchTo(carrier.memory);
  int64 carried = 0;
  for (ChangeBatch batch; Next(&carrier, &batch); batch = {}) {
    if (carried == 0) LockFrom(1, write);
    if (batch.full()) ExpectMoreRows();
    carried += batch.changes().size();
    MakeOnOthers(carrier, batch.changes());
    MemoryContextReset(carrier.memory);
  }
  MemoryContextSwitchTo(before);
  MemoryContextDelete(carrier.memory);
  if (carried < affected) elog(ERROR, "changes of the leading copy of \"%s\" were not kept", write.table->name);
  if (carrier.store != nullptr) {
    ExecDropSingleTupleTableSlot(carrier.row);
    CloseRowStore(carrier.store);
  }
}

}  // namespace altius::task

/// lock_copy(shard bigint, lock integer)
ALTIUS_NODE_FUNCTION(altius_lock_copy) {
  using namespace altius;
  const int lock = PG_GETARG_INT32(1);
  task::Take(PG_GETARG_INT64(0), lock == static_cast<int>(core::CopyLock::Insert) ? core::CopyLock::Insert : core::CopyLock::Change);
  PG_RETURN_VOID();
}

/// keep_changes(shard bigint): of the statements that follow, until they are taken.
ALTIUS_NODE_FUNCTION(altius_keep_changes) {
  using namespace altius;
  task::BeginCapture(task::ClaimCopy(PG_GETARG_INT64(0)), false);
  PG_RETURN_VOID();
}

/// take_changes(shard bigint): the rows that were changed here.
ALTIUS_NODE_FUNCTION(altius_take_changes) {
  using namespace altius;
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const Oid relid = task::ClaimCopy(PG_GETARG_INT64(0));
  const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "altius changes", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(memory);
  for (;; MemoryContextReset(memory)) {
    task::ChangeBatch batch;
    if (!task::TakeChanges(relid, &batch)) break;
    for (const task::RowChange& change : batch.changes()) {
      Datum values[] = {CStringGetTextDatum(change.old_row), CStringGetTextDatum(change.new_row)};
      bool nulls[] = {false, false};
      tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
  }
  MemoryContextSwitchTo(before);
  MemoryContextDelete(memory);
  PG_RETURN_NULL();
}

/// replay_changes(shard bigint, old_rows text[], new_rows text[])
ALTIUS_NODE_FUNCTION(altius_replay_changes) {
  using namespace altius;
  Datum* old_rows;
  Datum* new_rows;
  int count;
  int others;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &old_rows, nullptr, &count);
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &new_rows, nullptr, &others);
  if (count != others) ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("each change has two rows")));
  pg::Array<task::RowChange> changes;
  for (int i = 0; i < count; i++) changes.push_back({TextDatumGetCString(old_rows[i]), TextDatumGetCString(new_rows[i])});
  task::ReplayChanges(task::ClaimCopy(PG_GETARG_INT64(0)), changes);
  PG_RETURN_VOID();
}
