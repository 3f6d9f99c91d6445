// SPDX-License-Identifier: PostgreSQL
// SQL functions over jobs and tasks: waiting, cancelling, pausing.
#include "altius/catalog/metadata.hpp"
#include "altius/core/jobs/states.hpp"
#include "catalog.hpp"
#include "functions.hpp"
#include "jobs.hpp"
#include "session.hpp"
#include "shared.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::rebalance::jobs {
namespace {

constexpr AttrNumber kJobState = 2;    // of pg_dist_background_job
constexpr AttrNumber kTaskStatus = 5;  // of pg_dist_background_task

/// The enum in one column of the row with this id, as it is now, whatever the isolation level; null
/// when there is none. Plain C.
char* StateNow(const char* relation_name, const char* index_name, int64 id, AttrNumber column) {
  Relation relation =
      table_open(get_relname_relid(relation_name, PG_CATALOG_NAMESPACE), AccessShareLock);
  ScanKeyData key;
  const AttrNumber id_column = strcmp(relation_name, "pg_dist_background_job") == 0 ? 1 : 2;
  ScanKeyInit(&key, id_column, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  SysScanDesc scan = systable_beginscan(
      relation, get_relname_relid(index_name, PG_CATALOG_NAMESPACE), true, snapshot, 1, &key);
  char* state = nullptr;
  HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool null;
    const Datum value = heap_getattr(tuple, column, RelationGetDescr(relation), &null);
    state = DatumGetCString(OidFunctionCall1(F_ENUM_OUT, value));
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(relation, AccessShareLock);
  return state;
}

char* JobStateNow(int64 job) {
  return StateNow("pg_dist_background_job", "pg_dist_background_job_pkey", job, kJobState);
}

char* TaskStateNow(int64 task) {
  return StateNow("pg_dist_background_task", "pg_dist_background_task_pkey", task, kTaskStatus);
}

[[noreturn]] void RaiseUnknown(const char* what, int64 id) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                  errmsg("background %s " INT64_FORMAT " does not exist", what, id),
                  errhint("SELECT * FROM citus_job_list() shows the jobs.")));
  pg_unreachable();
}

/// Waits until the job or task has the state, or any final one when `desired` is null.
template <typename Look, typename Final>
const char* WaitForState(const char* what, int64 id, const char* desired, Look look,
                         Final is_final) {
  MemoryContext home = CurrentMemoryContext;
  MemoryContext look_context = AllocSetContextCreate(home, "altius job wait", ALLOCSET_SMALL_SIZES);
  PrepareToWait();
  for (;;) {
    MemoryContextReset(look_context);
    MemoryContextSwitchTo(look_context);
    const char* now = look(id);
    MemoryContextSwitchTo(home);
    if (now == nullptr) RaiseUnknown(what, id);
    const bool wanted = desired != nullptr && strcmp(now, desired) == 0;
    if (wanted || is_final(now)) {
      EndWait();
      if (desired == nullptr || wanted) return pstrdup(now);
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("background %s " INT64_FORMAT " will never be \"%s\": it is \"%s\"",
                             what, id, desired, now)));
    }
    WaitForChange();
    CHECK_FOR_INTERRUPTS();
  }
}

bool IsFinalJob(const char* state) { return core::IsFinal(core::JobStateOf(state)); }
bool IsFinalTask(const char* state) { return core::IsFinal(core::TaskStateOf(state)); }

/// As PostgreSQL has it: who may end backends of others may not end those of superusers.
bool MayChangeTasksOf(Oid owner) {
  if (has_privs_of_role(GetUserId(), owner)) return true;
  return !superuser_arg(owner) && has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND);
}

/// Who may change a job: superusers, who may end backends of others, and members of the roles that
/// own its tasks.
void RequireRights(int64 job, const char* deed) {
  const Rows owners = QueryCatalog(
      "SELECT DISTINCT owner::oid FROM pg_catalog.pg_dist_background_task WHERE job_id = " +
      std::to_string(job));
  for (int row = 0; row < owners.count; row++) {
    const Oid owner = static_cast<Oid>(owners.Number(row, 0));
    pg::Call([&] {
      if (MayChangeTasksOf(owner)) return;
      ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                      errmsg("permission denied to %s background job " INT64_FORMAT, deed, job),
                      superuser_arg(owner)
                          ? errhint("Only superusers may %s a superuser's job.", deed)
                          : errhint("It takes membership of the role that owns the job's tasks, or of "
                                    "pg_signal_backend.")));
    });
  }
}

/// The job's row is locked; raises an error unless the job is still going.
void RequireUnfinished(int64 job, const char* deed) {
  pg::Call([&] {
    const char* state = JobStateNow(job);
    if (state == nullptr) RaiseUnknown("job", job);
    if (!IsFinalJob(state)) return;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("cannot %s background job " INT64_FORMAT ": it is %s", deed, job, state)));
  });
}

void BeginChange(int64 job, const char* deed) {
  pg::Call([] { RequireCoordinator(); });
  LockJob(job);
  RequireUnfinished(job, deed);
  RequireRights(job, deed);
}

void Pause(int64 job) {
  BeginChange(job, "pause");
  ChangeCatalog("INSERT INTO altius_internal.background_job_hold (job_id) VALUES (" +
                std::to_string(job) + ") ON CONFLICT DO NOTHING");
  WakeMonitorAtCommit();
}

void Resume(int64 job) {
  BeginChange(job, "resume");
  ChangeCatalog("DELETE FROM altius_internal.background_job_hold WHERE job_id = " +
                std::to_string(job));
  WakeMonitorAtCommit();
}

/// The tasks of altius_internal.schedule_job.
std::vector<NewTask> ReadTasks(const char* json) {
  const Rows rows = QueryCatalog(
      "SELECT it->>'command',"
      " (SELECT string_agg(e, ' ') FROM jsonb_array_elements_text(it->'nodes') e),"
      " (SELECT string_agg(e, ' ') FROM jsonb_array_elements_text(it->'after') e), "
      "coalesce((it->>'bytes')::bigint, 0)"
      " FROM jsonb_array_elements(" +
      Quote(json) + ") WITH ORDINALITY each (it, number) ORDER BY number");
  std::vector<NewTask> tasks;
  for (int row = 0; row < rows.count; row++) {
    tasks.push_back({rows.Text(row, 0), NumbersOf(rows.Text(row, 1)), NumbersOf(rows.Text(row, 2)),
                     rows.Number(row, 3)});
  }
  return tasks;
}

}  // namespace

void RequireCoordinator() {
  if (catalog::IsCoordinator()) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("background jobs live on the coordinator"),
                  errhint("Connect to the coordinator and try again.")));
}

void CancelJob(int64 job) {
  BeginChange(job, "cancel");
  const std::string id = std::to_string(job);
  ChangeCatalog(
      "UPDATE pg_catalog.pg_dist_background_job SET state = 'cancelling' WHERE job_id = " + id);
  ChangeCatalog(
      "UPDATE pg_catalog.pg_dist_background_task SET status = CASE status WHEN 'running' THEN "
      "'cancelling'"
      " ELSE 'cancelled' END::pg_catalog.citus_task_status"
      " WHERE job_id = " +
      id + " AND status IN ('blocked', 'runnable', 'running')");
  WakeMonitorAtCommit();
}

const char* WaitForJob(int64 job, const char* desired) {
  return WaitForState("job", job, desired, JobStateNow, IsFinalJob);
}

void StopWaiting() { EndWait(); }

}  // namespace altius::rebalance::jobs

using namespace altius;  // NOLINT: the functions below are outside of any namespace
using namespace altius::rebalance::jobs;  // NOLINT

static const char* EnumArgument(FunctionCallInfo fcinfo, int number) {
  if (fcinfo->args[number].isnull) return nullptr;
  return DatumGetCString(OidFunctionCall1(F_ENUM_OUT, fcinfo->args[number].value));
}

ALTIUS_FUNCTION(altius_schedule_job) {
  RequireCoordinator();
  const std::string type = NameStr(*PG_GETARG_NAME(0));
  char* description = pg::Call([&] { return text_to_cstring(PG_GETARG_TEXT_PP(1)); });
  char* tasks = pg::Call([&] {
    Jsonb* json = DatumGetJsonbP(PG_GETARG_DATUM(2));
    return JsonbToCString(nullptr, &json->root, VARSIZE(json));
  });
  PG_RETURN_INT64(Schedule(type, description, ReadTasks(tasks)));
}

ALTIUS_FUNCTION(citus_job_wait) {
  if (PG_ARGISNULL(0)) PG_RETURN_VOID();
  RequireCoordinator();
  const int64 job = PG_GETARG_INT64(0);
  const char* desired = EnumArgument(fcinfo, 1);
  const char* state = WaitForJob(job, desired);
  if (desired == nullptr && strcmp(state, "finished") != 0) {
    ereport(WARNING, (errmsg("background job " INT64_FORMAT " ended as \"%s\"", job, state),
                      errhint("SELECT * FROM citus_job_status(" INT64_FORMAT ") says why.", job)));
  }
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(citus_task_wait) {
  if (PG_ARGISNULL(0)) PG_RETURN_VOID();
  RequireCoordinator();
  WaitForState("task", PG_GETARG_INT64(0), EnumArgument(fcinfo, 1), TaskStateNow, IsFinalTask);
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(citus_job_cancel) {
  CancelJob(PG_GETARG_INT64(0));
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_job_pause) {
  Pause(PG_GETARG_INT64(0));
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_job_resume) {
  Resume(PG_GETARG_INT64(0));
  PG_RETURN_VOID();
}
