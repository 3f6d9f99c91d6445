// SPDX-License-Identifier: PostgreSQL
// Rebalancing as a whole: a plan becomes a background job, one task for each move.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/bounded_lock.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/transaction_block.hpp"
#include "altius/rebalance/plan.hpp"
#include "altius/txn/coordinated.hpp"
#include "jobs/functions.hpp"
#include "jobs/jobs.hpp"
#include "jobs/session.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::rebalance {
namespace {

constexpr uint16 kStartLockClass = 40;  // of LOCKTAG_ADVISORY; users' locks have 1 and 2

constexpr int kStartPatienceMs = 10000;  // any owner of a table can hold the lock, in a transaction that stays open

LOCKTAG StartLock() {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, kStartLockClass);
  return tag;
}

/// One session plans at a time; held until the job is committed.
void LockStart() {
  const LOCKTAG tag = StartLock();
  if (pg::LockWithin(tag, ExclusiveLock, kStartPatienceMs)) return;
  ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("another transaction has started a rebalance and is still open"),
                  errdetail_internal("%s", pg::HoldersOf(tag, ExclusiveLock)), errhint("Try again when it has ended.")));
}

/// There is no job that others must see first.
void UnlockStart() { pg::UnlockEarly(StartLock(), ExclusiveLock); }

/// The newest rebalance; 0 when there never was one.
int64 NewestRebalance(bool* running) {
  const jobs::Rows rows = jobs::QueryCatalog(
      "SELECT job_id, state IN ('scheduled', 'running', 'cancelling', 'failing')"
      " FROM pg_catalog.pg_dist_background_job WHERE job_type = 'rebalance' ORDER BY 2 DESC, 1 "
      "DESC LIMIT 1");
  *running = rows.count > 0 && rows.Bool(0, 1);
  return rows.count > 0 ? rows.Number(0, 0) : 0;
}

void RequireNoRebalance() {
  bool running;
  const int64 job = NewestRebalance(&running);
  if (!running) return;
  pg::Call([&] {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("a rebalance is running already, as job " INT64_FORMAT, job),
                    errhint("SELECT * FROM citus_rebalance_status() shows it, SELECT "
                            "citus_rebalance_stop() ends it.")));
  });
}

/// Node ids of active primaries that have no copy of some reference table.
std::vector<int> NodesWithoutReferenceTables() {
  const jobs::Rows rows = jobs::QueryCatalog(
      "SELECT DISTINCT n.nodeid FROM pg_catalog.pg_dist_node n"
      " CROSS JOIN (SELECT shardid FROM pg_catalog.pg_dist_shard JOIN pg_catalog.pg_dist_partition "
      "USING (logicalrelid)"
      "   WHERE partmethod = 'n' AND repmodel = 't') s"
      " WHERE n.isactive AND n.noderole = 'primary' AND NOT EXISTS"
      " (SELECT FROM pg_catalog.pg_dist_placement p WHERE p.shardid = s.shardid AND p.groupid = "
      "n.groupid)");
  std::vector<int> nodes;
  for (int row = 0; row < rows.count; row++) nodes.push_back(static_cast<int>(rows.Number(row, 0)));
  return nodes;
}

/// Moves are independent of each other: budgets alone say how many run at once.  Only what goes to
/// a node without reference tables waits for those.
std::vector<jobs::NewTask> TasksOf(const std::vector<PlannedMove>& moves, const std::string& mode) {
  std::vector<jobs::NewTask> tasks;
  const std::vector<int> lacking = NodesWithoutReferenceTables();
  const auto lacks = [&](int node) {
    return std::find(lacking.begin(), lacking.end(), node) != lacking.end();
  };
  const bool needed = std::any_of(moves.begin(), moves.end(),
                                  [&](const PlannedMove& it) { return lacks(it.target_node); });
  if (needed)
    tasks.push_back(
        {"SELECT pg_catalog.replicate_reference_tables('" + mode + "')", lacking, {}, 0});
  for (const PlannedMove& move : moves) {
    jobs::NewTask task;
    task.command = "SELECT pg_catalog.citus_move_shard_placement(" + std::to_string(move.shard) +
                   ", " + std::to_string(move.source_node) + ", " +
                   std::to_string(move.target_node) + ", '" + mode + "')";
    task.nodes = {move.source_node, move.target_node};
    task.bytes = move.bytes;
    if (lacks(move.target_node)) task.after = {0};
    tasks.push_back(task);
  }
  return tasks;
}

void TellNothing() {
  pg::Call([] {
    ereport(NOTICE, (errmsg("no shard has to move"),
                     superuser() ? 0 : errhint("Only the owner of all tables of a colocation group may move its shards.")));
  });
}

/// The new job's id; 0 when nothing is to be moved.
int64 Start(const PlanOptions& options, const std::string& mode, const std::string& description) {
  pg::Call([] { jobs::RequireCoordinator(); });
  if (!MayMoveAny(options.relation)) {  // and must not hold up others, however long the transaction stays open
    TellNothing();
    return 0;
  }
  pg::Call([] { LockStart(); });
  RequireNoRebalance();
  const std::vector<PlannedMove> moves = PlanMoves(options);
  const int count = static_cast<int>(moves.size());
  if (count == 0) {
    pg::Call([] { UnlockStart(); });
    TellNothing();
    return 0;
  }
  const int64 job = jobs::Schedule("rebalance", description, TasksOf(moves, mode));
  pg::Call([&] {
    ereport(NOTICE, (errmsg_plural("%d shard group moves in background job " INT64_FORMAT,
                                   "%d shard groups move in background job " INT64_FORMAT, count,
                                   count, job),
                     errhint("SELECT * FROM citus_rebalance_status() shows how far it is.")));
  });
  return job;
}

char* EnumText(FunctionCallInfo fcinfo, int number) {
  return pg::Call(
      [&] { return DatumGetCString(OidFunctionCall1(F_ENUM_OUT, fcinfo->args[number].value)); });
}

std::string NameOrEmpty(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? "" : NameStr(*PG_GETARG_NAME(number));
}

std::vector<int64> Numbers(FunctionCallInfo fcinfo, int number) {
  Datum* values = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  if (PG_ARGISNULL(number)) return {};
  pg::Call([&] {
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
                      TYPALIGN_DOUBLE, &values, &nulls, &count);
  });
  std::vector<int64> list;
  for (int i = 0; i < count; i++) {
    if (!nulls[i]) list.push_back(DatumGetInt64(values[i]));
  }
  return list;
}

/// What the foreground forms need of the caller's transaction: the job is committed by another
/// session, and its tasks would wait for locks that this one holds.
void RequireFreshTransaction(const char* function) {
  pg::RequireNoBlock(psprintf("%s cannot run", function));
  if (!TransactionIdIsValid(GetTopTransactionIdIfAny())) return;
  ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                  errmsg("%s cannot run in a transaction that has changed something", function),
                  errdetail("The moves are transactions of their own and would wait for this one."),
                  errhint("Run it on its own, or use citus_rebalance_start().")));
}

char* AskHere(const std::string& sql) {
  const char* text_of = sql.c_str();
  return pg::Call([&] {
    return remote::FetchValue(txn::OutsideTransaction(catalog::kCoordinatorGroup), text_of);
  });
}

void RaiseFailed(int64 job, const char* state) {
  const jobs::Rows rows =
      jobs::QueryCatalog("SELECT message FROM pg_catalog.pg_dist_background_task WHERE job_id = " +
                         std::to_string(job) + " AND status = 'error' ORDER BY task_id LIMIT 1");
  const char* message = rows.count > 0 ? rows.Text(0, 0) : "";
  pg::Call([&] {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("the rebalance ended as \"%s\"", state),
             *message == '\0' ? 0 : errdetail("The first move that failed said: %s", message),
             errhint("SELECT * FROM citus_job_status(" INT64_FORMAT ") has the details.", job)));
  });
}

/// Starts a job through another session and waits for it.  Who is cancelled while waiting takes the
/// job along.
void RunInForeground(const std::string& start_sql) {
  const char* started = AskHere(start_sql);
  if (started == nullptr) return;
  const int64 job = strtoll(started, nullptr, 10);
  const char* state = nullptr;
  try {
    state = pg::Call([&] { return jobs::WaitForJob(job, nullptr); });
  } catch (const pg::Error&) {
    pg::Call([] { jobs::StopWaiting(); });
    AskHere("SELECT pg_catalog.citus_job_cancel(" + std::to_string(job) + ")");
    throw;
  }
  if (strcmp(state, "finished") != 0) RaiseFailed(job, state);
}

std::string Optional(bool null, const std::string& value) { return null ? "NULL" : value; }

}  // namespace
}  // namespace altius::rebalance

using namespace altius;             // NOLINT: the functions below are outside of any namespace
using namespace altius::rebalance;  // NOLINT

/// (rebalance_strategy name, drain_only boolean, shard_transfer_mode, two booleans that ask for
/// what we do anyway)
ALTIUS_FUNCTION(citus_rebalance_start) {
  PlanOptions options;
  options.strategy = NameOrEmpty(fcinfo, 0);
  options.drain_only = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
  const std::string mode = PG_ARGISNULL(2) ? "auto" : EnumText(fcinfo, 2);
  const int64 job = Start(options, mode, "Rebalance all colocation groups");
  if (job == 0) PG_RETURN_NULL();
  PG_RETURN_INT64(job);
}

/// (relation regclass, threshold real, max_shard_moves integer, excluded_shard_list bigint[],
/// shard_transfer_mode, drain_only boolean, rebalance_strategy name)
ALTIUS_FUNCTION(altius_start_rebalance) {
  PlanOptions options;
  std::string description = "Rebalance all colocation groups";
  if (!PG_ARGISNULL(0)) {
    options.relation = PG_GETARG_OID(0);
    const Oid relation = options.relation;
    const char* name = pg::Call([&] { return get_rel_name(relation); });
    if (name != nullptr)
      description = std::string("Rebalance the colocation group of table ") + name;
  }
  if (!PG_ARGISNULL(1)) options.threshold = PG_GETARG_FLOAT4(1);
  if (!PG_ARGISNULL(2)) options.max_moves = PG_GETARG_INT32(2);
  options.excluded = Numbers(fcinfo, 3);
  options.drain_only = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
  options.strategy = NameOrEmpty(fcinfo, 6);
  if (options.drain_only) description = "Drain nodes that shall have no shards";
  const int64 job = Start(options, PG_ARGISNULL(4) ? "auto" : EnumText(fcinfo, 4), description);
  if (job == 0) PG_RETURN_NULL();
  PG_RETURN_INT64(job);
}

ALTIUS_FUNCTION(rebalance_table_shards) {
  pg::Call([] {
    jobs::RequireCoordinator();
    RequireFreshTransaction("rebalance_table_shards");
  });
  const std::vector<int64> excluded = Numbers(fcinfo, 3);
  std::string sql = "SELECT altius_internal.start_rebalance(";
  sql += Optional(PG_ARGISNULL(0), PG_ARGISNULL(0) ? ""
                                                   : std::to_string(PG_GETARG_OID(0)) +
                                                         "::pg_catalog.oid::pg_catalog.regclass");
  sql += ", " + Optional(PG_ARGISNULL(1),
                         PG_ARGISNULL(1) ? "" : std::to_string(PG_GETARG_FLOAT4(1)) + "::real");
  sql +=
      ", " + Optional(PG_ARGISNULL(2), PG_ARGISNULL(2) ? "" : std::to_string(PG_GETARG_INT32(2)));
  sql += ", " + jobs::ArrayLiteral(excluded) + "::bigint[]";
  sql += ", '" + std::string(PG_ARGISNULL(4) ? "auto" : EnumText(fcinfo, 4)) + "'";
  sql += PG_ARGISNULL(5) || !PG_GETARG_BOOL(5) ? ", false" : ", true";
  sql += ", " + Optional(PG_ARGISNULL(6), jobs::Quote(NameOrEmpty(fcinfo, 6))) + ")";
  RunInForeground(sql);
  PG_RETURN_VOID();
}

/// (nodename text, nodeport integer, shard_transfer_mode, rebalance_strategy name)
ALTIUS_FUNCTION(citus_drain_node) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_VOID();
  pg::Call([] {
    jobs::RequireCoordinator();
    RequireFreshTransaction("citus_drain_node");
  });
  const std::string host = pg::Call([&] { return text_to_cstring(PG_GETARG_TEXT_PP(0)); });
  AskHere("SELECT pg_catalog.citus_set_node_property(" + jobs::Quote(host) + ", " +
          std::to_string(PG_GETARG_INT32(1)) + ", 'shouldhaveshards', false)");
  RunInForeground("SELECT altius_internal.start_rebalance(mode => '" +
                  std::string(PG_ARGISNULL(2) ? "auto" : EnumText(fcinfo, 2)) +
                  "', drain_only => true, strategy => " +
                  Optional(PG_ARGISNULL(3), jobs::Quote(NameOrEmpty(fcinfo, 3))) + ")");
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(citus_rebalance_stop) {
  pg::Call([] { jobs::RequireCoordinator(); });
  bool running;
  const int64 job = NewestRebalance(&running);
  if (!running) {
    pg::Call([] {
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("no rebalance is running")));
    });
  }
  jobs::CancelJob(job);
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(citus_rebalance_wait) {
  pg::Call([] { jobs::RequireCoordinator(); });
  bool running;
  const int64 job = NewestRebalance(&running);
  pg::Call([&] {
    if (!running) {
      ereport(NOTICE, (errmsg("no rebalance is running")));
      return;
    }
    const char* state = jobs::WaitForJob(job, nullptr);
    if (strcmp(state, "finished") == 0) return;
    ereport(WARNING, (errmsg("the rebalance ended as \"%s\"", state),
                      errhint("SELECT * FROM citus_rebalance_status() says why.")));
  });
  PG_RETURN_VOID();
}
