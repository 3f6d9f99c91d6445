// SPDX-License-Identifier: PostgreSQL
// What operations left behind goes: the old shards of moves that succeeded, and everything of those that did not.  Runs in
// the coordinator's maintenance worker; records of operations that are running are left alone (their lock says so).
#include "altius/catalog/writer.hpp"
#include "altius/core/shard/name.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/chores.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "move.hpp"
#include "pause.hpp"
#include "settings.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"
}

namespace altius::rebalance {

namespace {

constexpr int kDropTimeoutMs = 100;
constexpr int kAgainMs = 1000;    // after something was left
constexpr int kPatienceMs = 60000;  // of a move whose target has an old shard
constexpr int kPauseMs = 200;
constexpr int64 kBudgetMs = 2000;  // of one run in the maintenance worker

int left_behind = 0;

struct Record {
  int64 id;
  int64 operation;
  int type;
  char* name;
  int group;
};

pg::Array<Record> AllRecords() {
  pg::Array<Record> records;
  const auto ids = pg::FetchTexts("SELECT record_id FROM pg_catalog.pg_dist_cleanup ORDER BY record_id DESC");
  for (const char* id : ids) {
    const auto fields = pg::FetchTexts(
        psprintf("SELECT pg_catalog.unnest(ARRAY[operation_id::text, object_type::text, object_name, node_group_id::text]) "
                 "FROM pg_catalog.pg_dist_cleanup WHERE record_id = %s",
                 id));
    if (fields.size() != 4) continue;
    records.push_back(Record{.id = strtoll(id, nullptr, 10),
                             .operation = strtoll(fields[0], nullptr, 10),
                             .type = atoi(fields[1]),
                             .name = fields[2],
                             .group = atoi(fields[3])});
  }
  return records;
}

bool IsNode(int group) {
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group == group) return true;
  }
  return group == catalog::LocalGroup();
}

/// Null when the node does not answer.
remote::Connection* Reach(int group, remote::Connection** local) {
  if (group != catalog::LocalGroup()) return remote::TrySeparateConnectionTo(group);
  if (*local == nullptr) *local = remote::OwnConnectionTo(group);
  return *local;
}

/// Why the thing is not gone; null when it is.
const char* TryToDrop(remote::Connection* connection, const Record& record) {
  remote::StatementText statement;
  statement.sql = psprintf("SELECT altius_internal.drop_leftover(%d, %s, %d)", record.type,
                           quote_literal_cstr(record.name), kDropTimeoutMs);
  class Sink final : public remote::RowSink {
   public:
    void Row(const PGresult* result, int row) override { gone = PQgetvalue(result, row, 0)[0] == 't'; }
    bool gone = false;
  };
  auto* sink = new (palloc(sizeof(Sink))) Sink;
  remote::Request* request = remote::Send(connection, statement, sink);
  remote::WaitAllQuietly(&request, 1);
  if (!request->failed) return sink->gone ? nullptr : "it is in use";
  const char* error = request->error == nullptr ? nullptr : PQresultErrorField(request->error, PG_DIAG_MESSAGE_PRIMARY);
  if (error == nullptr) return "the connection to the node was lost";
  elog(LOG, "could not clean up \"%s\": %s", record.name, error);
  return pstrdup(error);
}

/// Writers look up the publications of a table, and then each of them, without a lock on it: one that is gone by then ends the
/// statement.  So a publication first leaves its tables (drop_leftover).
const char* DropOn(remote::Connection* connection, const Record& record) {
  if (connection == nullptr) return "the node does not answer";
  const char* reason = TryToDrop(connection, record);
  if (reason == nullptr || static_cast<Resource>(record.type) != Resource::Publication) return reason;
  Pause(kPauseMs);
  return TryToDrop(connection, record);
}

/// For altius_leftovers.
void NoteReason(const Record& record, const char* reason) {
  (void)pg::RunSql(psprintf(
      "INSERT INTO altius_internal.cleanup_attempts (record_id, reason) VALUES (" INT64_FORMAT ", %s) "
      "ON CONFLICT (record_id) DO UPDATE SET tries = cleanup_attempts.tries + 1, last_try = clock_timestamp(), "
      "reason = excluded.reason",
      record.id, quote_literal_cstr(reason)));
}

/// A record is looked at again under the operation's lock: the operation may have ended in between.
bool StillThere(const Record& record) {
  return pg::FetchText(psprintf("SELECT 1 FROM pg_catalog.pg_dist_cleanup WHERE record_id = " INT64_FORMAT, record.id)) !=
         nullptr;
}

void Forget(const Record& record) {
  (void)pg::RunSql(psprintf("DELETE FROM pg_catalog.pg_dist_cleanup WHERE record_id = " INT64_FORMAT, record.id));
}

struct Skipped {
  pg::Array<int64> operations;  // running
  pg::Array<int> groups;        // that don't answer
};

template <typename T>
bool Has(const pg::Array<T>& list, T item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

int WorkOff(int64* cleaned, int64 budget_ms, remote::Connection** local) {
  const TimestampTz stop = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), budget_ms);
  Skipped skipped{};
  int left = 0;
  for (const Record& record : AllRecords()) {
    if (Has(skipped.operations, record.operation)) continue;
    if (!TryLockIdleOperation(record.operation)) {
      skipped.operations.push_back(record.operation);
      continue;
    }
    if (!StillThere(record)) continue;
    if (Has(skipped.groups, record.group) || GetCurrentTimestamp() > stop) {
      left++;
      continue;
    }
    if (IsNode(record.group)) {
      remote::Connection* connection = Reach(record.group, local);
      if (connection == nullptr) skipped.groups.push_back(record.group);
      const char* reason = DropOn(connection, record);
      if (reason != nullptr) {
        NoteReason(record, reason);
        left++;
        continue;
      }
    }
    Forget(record);
    (*cleaned)++;
  }
  return left;
}

void Chore() {
  if (!catalog::IsActive() || RecoveryInProgress() || !catalog::IsCoordinator()) return;
  int64 cleaned = 0;
  remote::Connection* local = nullptr;
  left_behind = 1;  // also when this fails
  try {
    left_behind = pg::Call([&] { return WorkOff(&cleaned, kBudgetMs, &local); });
  } catch (...) {
    if (local != nullptr) remote::GiveBack(local);
    throw;
  }
  if (local != nullptr) remote::GiveBack(local);
}

int ChorePeriod() {
  if (defer_delete_ms <= 0) return defer_delete_ms;
  return left_behind > 0 ? std::min(kAgainMs, defer_delete_ms) : defer_delete_ms;
}

/// --- on the node where the thing is ---

void Run(const char* sql) { (void)pg::RunSql(sql); }

/// Of the table that the shard is of; InvalidOid when it is not known here.
Oid OwnerOfShard(int64 id) {
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(id, &index);
  if (table != nullptr) return pg::OwnerOfRelation(table->relid);
  const char* stray = pg::FetchText(
      psprintf("SELECT logicalrelid::pg_catalog.oid FROM pg_catalog.altius_stray_shard WHERE shardid = " INT64_FORMAT, id));
  return stray == nullptr ? InvalidOid : pg::OwnerOfRelation(static_cast<Oid>(strtoul(stray, nullptr, 10)));
}

/// What has the name may be another role's, and may have been there before.
bool IsShardTable(Oid relid) {
  const char kind = get_rel_relkind(relid);
  const char* name = get_rel_name(relid);
  if (name == nullptr) return false;
  const auto id = core::ShardIdOfName(name);
  if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) || !id.has_value()) return false;
  return OwnerOfShard(*id) == pg::OwnerOfRelation(relid);
}

bool DropShard(const char* name) {
  const RangeVar* names = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
  Oid relid = RangeVarGetRelid(names, NoLock, true);
  if (!OidIsValid(relid)) return true;
  // It came back meanwhile, and is in use.
  if (catalog::IsShardRelation(relid) && !catalog::IsElsewhere(relid)) return true;
  relid = RangeVarGetRelid(names, AccessExclusiveLock, true);
  if (!OidIsValid(relid)) return true;
  if (!IsShardTable(relid)) {
    ereport(LOG, (errmsg("\"%s\" is not dropped, for it is no shard of a table of its owner", name)));
    return true;
  }
  if (catalog::IsShardRelation(relid) && !catalog::IsElsewhere(relid)) return true;
  const int64 id = *core::ShardIdOfName(get_rel_name(relid));
  ObjectAddress table = {};
  ObjectAddressSet(table, RelationRelationId, relid);
  performDeletion(&table, DROP_CASCADE, PERFORM_DELETION_QUIETLY);
  catalog::DeleteStray(id);
  return true;
}

bool DropSlot(const char* name) {
  const char* literal = quote_literal_cstr(name);
  const char* active = pg::FetchText(
      psprintf("SELECT COALESCE(active_pid, 0) FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", literal));
  if (active == nullptr) return true;
  if (strcmp(active, "0") != 0) {
    Run(psprintf("SELECT pg_catalog.pg_terminate_backend(%s)", active));
    return false;
  }
  Run(psprintf("SELECT pg_catalog.pg_drop_replication_slot(%s)", literal));
  return true;
}

/// `schema.table|identity`.  As long as changes are published by whole rows, writers need it.
bool RestoreIdentity(const char* name) {
  const char* bar = strrchr(name, '|');
  if (bar == nullptr) return true;
  List* names = textToQualifiedNameList(cstring_to_text_with_len(name, static_cast<int>(bar - name)));
  const Oid relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
  if (!OidIsValid(relid) || !IsShardTable(relid)) return true;  // gone, and the name may be another role's by now
  if (IsPublishedByMove(relid)) return false;
  SetReplicaIdentity(relid, bar[1]);
  return true;
}

/// Not at once (DropOn).
bool DropPublication(const char* name) {
  const char* tables = pg::FetchText(
      psprintf("SELECT string_agg(r.prrelid::pg_catalog.regclass::text, ', ') FROM pg_catalog.pg_publication_rel r "
               "JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE p.pubname = %s", quote_literal_cstr(name)));
  if (tables == nullptr) {
    Run(psprintf("DROP PUBLICATION IF EXISTS %s", quote_identifier(name)));
    return true;
  }
  Run(psprintf("ALTER PUBLICATION %s DROP TABLE %s", quote_identifier(name), tables));
  return false;
}

bool DropLeftover(int type, const char* name) {
  switch (static_cast<Resource>(type)) {
    case Resource::Shard:
      return DropShard(name);
    case Resource::Slot:
      return DropSlot(name);
    case Resource::Publication:
      return DropPublication(name);
    case Resource::Subscription:
      Run(psprintf("DROP SUBSCRIPTION IF EXISTS %s", quote_identifier(name)));
      return true;
    case Resource::User:
      Run(psprintf("DROP ROLE IF EXISTS %s", quote_identifier(name)));
      return true;
    case Resource::ReplicaIdentity:
      return RestoreIdentity(name);
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown type %d of a resource to clean up", type)));
}

}  // namespace

int CleanUp(int64* cleaned) {
  remote::Connection* local = nullptr;
  int left = 0;
  try {
    left = pg::Call([&] { return WorkOff(cleaned, 3600000, &local); });
  } catch (...) {
    if (local != nullptr) remote::GiveBack(local);
    throw;
  }
  if (local != nullptr) remote::GiveBack(local);
  return left;
}

namespace {

/// Waits for those who read it, and for the maintenance worker, which may be at it.
bool IsGoneAfterCleaning(const Move& move, const char* query) {
  const TimestampTz stop = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kPatienceMs);
  while (pg::FetchText(query) != nullptr) {
    remote::Execute(move.registry,
                    "SELECT pg_catalog.set_config('client_min_messages', 'error', true), altius_internal.clean_up_resources()");
    if (pg::FetchText(query) == nullptr) return true;
    if (GetCurrentTimestamp() > stop) return false;
    Pause(kPauseMs);
  }
  return true;
}

}  // namespace

void ClearWay(const Move& move) {
  for (const Member& member : move.members) {
    const char* query = psprintf(
        "SELECT 1 FROM pg_catalog.pg_dist_cleanup WHERE object_type = %d AND object_name = %s AND node_group_id = %d",
        static_cast<int>(Resource::Shard), quote_literal_cstr(member.name), move.target);
    if (IsGoneAfterCleaning(move, query)) continue;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("%s of an earlier move is still on the target node", member.name),
                    errdetail("Somebody has read it for %d seconds, or another operation is about to use it.", kPatienceMs / 1000),
                    errhint("Try again when it is gone from pg_dist_cleanup.")));
  }
}

void AddCleanupChore() {
  txn::AddChore({"clean-up of moves", ChorePeriod, Chore});
}

}  // namespace altius::rebalance

/// drop_leftover(type integer, name text, timeout_ms integer): false when it is in use.
ALTIUS_FUNCTION(altius_drop_leftover) {
  using namespace altius;
  if (!superuser()) ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser")));
  const int type = PG_GETARG_INT32(0);
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const int level = NewGUCNestLevel();
  const auto set = [](const char* setting, const char* value) {
    (void)set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  };
  set("lock_timeout", psprintf("%d", PG_GETARG_INT32(2)));
  set("client_min_messages", "warning");
  bool gone = false;
  ErrorData* error = pg::Try([&] { gone = rebalance::DropLeftover(type, name); });
  AtEOXact_GUC(true, level);
  if (error != nullptr && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_OBJECT_IN_USE)
    ReThrowError(error);
  PG_RETURN_BOOL(error == nullptr && gone);
}

/// clean_up_resources(): the number of those cleaned up, and of those still left.
ALTIUS_FUNCTION(altius_clean_up_resources) {
  using namespace altius;
  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser to clean up resources")));
  if (!catalog::IsCoordinator()) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("resources are cleaned up by the coordinator"),
                    errhint("Connect to the coordinator and try again.")));
  }
  int64 cleaned = 0;
  const int left = rebalance::CleanUp(&cleaned);
  if (cleaned > 0) ereport(NOTICE, (errmsg("cleaned up %lld orphaned resources", static_cast<long long>(cleaned))));
  if (left > 0) {
    ereport(WARNING, (errmsg("%d orphaned resources could not be cleaned up now", left),
                      errhint("They are in use or on a node that is not reachable; it is tried again every "
                              "citus.defer_shard_delete_interval.")));
  }
  PG_RETURN_INT64(cleaned);
}
