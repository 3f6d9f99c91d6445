// SPDX-License-Identifier: PostgreSQL
// How jobs come into being, and the settings.
#include <climits>
#include <unistd.h>

#include "altius/pg/settings.hpp"
#include "catalog.hpp"
#include "jobs.hpp"
#include "monitor.hpp"
#include "session.hpp"
#include "shared.hpp"

namespace altius::rebalance::jobs {

int total_executors;
int executors_per_node;
int queue_interval_ms;
int most_tries;
int retry_delay_ms;

namespace {

int Cores() { return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); }

/// A move keeps about two processes busy on each of its nodes: a quarter of the cores are the
/// rebalancer's.
int DefaultPerNode() { return std::clamp(Cores() / 8, 1, 4); }

/// Launcher, maintenance, monitor and PostgreSQL's own launcher need background workers, too.
int DefaultTotal() {
  return std::clamp(std::min(std::max(4, 2 * Cores()), max_worker_processes - 6), 1, 1000);
}

std::string Value(int64 job, int64 id, const NewTask& task, const std::string& owner) {
  return "(" + std::to_string(job) + ", " + std::to_string(id) + ", " + owner +
         "::pg_catalog.oid::pg_catalog.regrole, '" + (task.after.empty() ? "runnable" : "blocked") +
         "', " + Quote(task.command) + ", " +
         (task.nodes.empty() ? "NULL" : ArrayLiteral(task.nodes) + "::integer[]") + ")";
}

std::vector<int64> NextTaskIds(size_t count) {
  const Rows rows = QueryCatalog(
      "SELECT nextval('pg_catalog.pg_dist_background_task_task_id_seq') FROM "
      "pg_catalog.generate_series(1, " +
      std::to_string(count) + ")");
  std::vector<int64> ids;
  for (int row = 0; row < rows.count; row++) ids.push_back(rows.Number(row, 0));
  return ids;
}

void CheckOrder(const std::vector<NewTask>& tasks) {
  for (size_t i = 0; i < tasks.size(); i++) {
    for (const int other : tasks[i].after) {
      if (other >= 0 && static_cast<size_t>(other) < i) continue;
      pg::Call([] {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a task can only depend on earlier tasks"),
                        errhint("Dependencies are indexes of earlier tasks, from 0.")));
      });
    }
  }
}

}  // namespace

int64 Schedule(const std::string& type, const std::string& description,
               const std::vector<NewTask>& tasks) {
  CheckOrder(tasks);
  const std::string owner = std::to_string(GetUserId());
  const int64 job = QueryCatalog(
                        "INSERT INTO pg_catalog.pg_dist_background_job (state, job_type, "
                        "description) VALUES ('scheduled', " +
                        Quote(type) + ", " + Quote(description) + ") RETURNING job_id")
                        .Number(0, 0);
  const std::vector<int64> ids = NextTaskIds(tasks.size());
  std::string values, edges, work;
  for (size_t i = 0; i < tasks.size(); i++) {
    values += (i > 0 ? ", " : "") + Value(job, ids[i], tasks[i], owner);
    work += (i > 0 ? ", (" : "(") + std::to_string(ids[i]) + ", " + std::to_string(tasks[i].bytes) +
            ")";
    for (const int other : tasks[i].after) {
      edges += (edges.empty() ? "(" : ", (") + std::to_string(job) + ", " + std::to_string(ids[i]) +
               ", " + std::to_string(ids[static_cast<size_t>(other)]) + ")";
    }
  }
  if (!tasks.empty()) {
    ChangeCatalog(
        "INSERT INTO pg_catalog.pg_dist_background_task (job_id, task_id, owner, status, command, "
        "nodes_involved)"
        " VALUES " +
        values);
    ChangeCatalog("INSERT INTO altius_internal.background_task_work (task_id, bytes) VALUES " +
                  work);
  }
  if (!edges.empty()) {
    ChangeCatalog(
        "INSERT INTO pg_catalog.pg_dist_background_task_depend (job_id, task_id, depends_on) "
        "VALUES " +
        edges);
  }
  WakeMonitorAtCommit();
  return job;
}

void Init() {
  const pg::IntSetting settings[] = {
      {"citus.max_background_task_executors",
       "Sets how many background tasks run at once in the cluster.", &total_executors,
       DefaultTotal(), 1, 1000, PGC_SIGHUP, 0},
      {"citus.max_background_task_executors_per_node",
       "Sets how many background tasks that concern the same node run at once.",
       &executors_per_node, DefaultPerNode(), 1, 128, PGC_SIGHUP, 0},
      {"citus.background_task_queue_interval",
       "Sets how often the queue of background jobs is looked at when nothing happens; -1 stops "
       "all jobs.",
       &queue_interval_ms, 5000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
      {"altius.background_task_tries",
       "Sets how often a background task is tried before it counts as failed.", &most_tries, 32, 1,
       INT_MAX, PGC_SIGHUP, 0},
      {"altius.background_task_retry_delay",
       "Sets the time before a failed background task is tried again; then four times, then twelve "
       "times as long.",
       &retry_delay_ms, 5000, 0, 3600000, PGC_SIGHUP, GUC_UNIT_MS},
  };
  pg::Define(settings);
  InitShared();
  AddMonitorChore();
}

}  // namespace altius::rebalance::jobs
