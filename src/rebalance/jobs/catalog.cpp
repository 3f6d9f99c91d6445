// SPDX-License-Identifier: PostgreSQL
#include "catalog.hpp"

#include <set>

#include "altius/pg/spi.hpp"
#include "jobs.hpp"
#include "session.hpp"

namespace altius::rebalance::jobs {
namespace {

constexpr const char* kUnfinishedJobs = "('scheduled', 'running', 'cancelling', 'failing')";

std::set<int64> LockJobs() {
  std::string sql = "SELECT job_id FROM pg_catalog.pg_dist_background_job WHERE state IN ";
  sql.append(kUnfinishedJobs).append(" ORDER BY job_id FOR NO KEY UPDATE SKIP LOCKED");
  const Rows rows = QueryCatalog(sql);
  std::set<int64> locked;
  for (int row = 0; row < rows.count; row++) locked.insert(rows.Number(row, 0));
  return locked;
}

void ReadJobs(Queue* queue, std::map<int64, bool>* held) {
  const std::set<int64> locked = LockJobs();
  std::string sql =
      "SELECT job_id, state, EXISTS (SELECT FROM altius_internal.background_job_hold h"
      "   WHERE h.job_id = j.job_id) FROM pg_catalog.pg_dist_background_job j WHERE state IN ";
  sql.append(kUnfinishedJobs).append(" ORDER BY job_id");
  const Rows rows = QueryCatalog(sql);
  for (int row = 0; row < rows.count; row++) {
    const int64 id = rows.Number(row, 0);
    const bool ours = locked.count(id) > 0;
    queue->jobs.push_back({id, ours, core::JobStateOf(rows.Text(row, 1)), {}});
    (*held)[id] = rows.Bool(row, 2) || !ours;
  }
}

void ReadCounts(Queue* queue, const std::string& ids) {
  const Rows rows = QueryCatalog(
      "SELECT job_id, status, count(*), count(*) FILTER (WHERE retry_count > 0)"
      " FROM pg_catalog.pg_dist_background_task WHERE job_id = ANY (" +
      ids + ") GROUP BY 1, 2");
  for (int row = 0; row < rows.count; row++) {
    for (JobRow& job : queue->jobs) {
      if (job.id != rows.Number(row, 0)) continue;
      const core::TaskState state = core::TaskStateOf(rows.Text(row, 1));
      job.counts.Add(state, static_cast<int>(rows.Number(row, 2)));
      if (state == core::TaskState::Runnable)
        job.counts.retried = static_cast<int>(rows.Number(row, 3));
    }
  }
}

void ReadTasks(Queue* queue, const std::string& ids, const std::map<int64, bool>& held) {
  const Rows rows = QueryCatalog(
      "SELECT t.task_id, t.job_id, t.status, (extract(epoch FROM t.not_before) * 1000000)::bigint,"
      "   pg_catalog.array_to_string(t.nodes_involved, ' '), coalesce(t.retry_count, 0), "
      "t.owner::oid,"
      "   coalesce(r.rolcanlogin, false), coalesce(w.bytes, 0)"
      " FROM pg_catalog.pg_dist_background_task t"
      " LEFT JOIN altius_internal.background_task_work w ON w.task_id = t.task_id"
      " LEFT JOIN pg_catalog.pg_authid r ON r.oid = t.owner"
      " WHERE t.job_id = ANY (" +
      ids +
      ")"
      " AND t.status IN ('blocked', 'runnable', 'running', 'cancelling') ORDER BY t.task_id");
  // Moves of empty shards are work, too.
  constexpr double kBase = 1024.0 * 1024.0;
  for (int row = 0; row < rows.count; row++) {
    TaskRow it{};
    it.task.id = rows.Number(row, 0);
    it.task.job = rows.Number(row, 1);
    it.task.state = core::TaskStateOf(rows.Text(row, 2));
    it.task.not_before = rows.Number(row, 3);
    it.task.nodes = NumbersOf(rows.Text(row, 4));
    it.retries = static_cast<int>(rows.Number(row, 5));
    it.owner = static_cast<Oid>(rows.Number(row, 6));
    it.owner_may_login = rows.Bool(row, 7);
    it.task.weight = kBase + rows.Real(row, 8);
    it.task.held = held.at(it.task.job);
    queue->tasks.push_back(it);
  }
}

void ReadDependencies(Queue* queue, const std::string& ids) {
  const Rows rows = QueryCatalog(
      "SELECT d.task_id, d.depends_on, o.status FROM pg_catalog.pg_dist_background_task t"
      " JOIN pg_catalog.pg_dist_background_task_depend d ON d.job_id = t.job_id AND d.task_id = "
      "t.task_id"
      " JOIN pg_catalog.pg_dist_background_task o ON o.task_id = d.depends_on"
      " WHERE t.status = 'blocked' AND t.job_id = ANY (" +
      ids + ")");
  for (int row = 0; row < rows.count; row++) {
    queue->dependencies.push_back(
        {rows.Number(row, 0), rows.Number(row, 1), core::TaskStateOf(rows.Text(row, 2))});
  }
}

std::string WhereTask(int64 task, core::TaskState before) {
  return " WHERE task_id = " + std::to_string(task) + " AND status = '" + core::NameOf(before) +
         "'";
}

}  // namespace

Queue ReadQueue() {
  Queue queue;
  std::map<int64, bool> held;
  ReadJobs(&queue, &held);
  if (queue.jobs.empty()) return queue;
  std::vector<int64> numbers;
  for (const JobRow& job : queue.jobs) numbers.push_back(job.id);
  const std::string ids = ArrayLiteral(numbers) + "::bigint[]";
  ReadCounts(&queue, ids);
  ReadTasks(&queue, ids, held);
  const bool blocked = std::any_of(queue.tasks.begin(), queue.tasks.end(), [](const TaskRow& it) {
    return it.task.state == core::TaskState::Blocked;
  });
  if (blocked) ReadDependencies(&queue, ids);
  return queue;
}

bool HasUnfinishedJobs() {
  const char* found = pg::FetchText(
      psprintf("SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_background_job WHERE state IN %s)",
               kUnfinishedJobs));
  return found != nullptr && found[0] == 't';
}

void LockJob(int64 job) {
  ChangeCatalog("SELECT FROM pg_catalog.pg_dist_background_job WHERE job_id = " +
                std::to_string(job) + " FOR NO KEY UPDATE");
}

bool ChangeTask(int64 task, core::TaskState before, core::TaskState after) {
  return ChangeCatalog(std::string("UPDATE pg_catalog.pg_dist_background_task SET status = '") +
                       core::NameOf(after) + "'" + WhereTask(task, before)) > 0;
}

bool MarkStarted(int64 task) {
  const bool mine =
      ChangeCatalog("UPDATE pg_catalog.pg_dist_background_task SET status = 'running', pid = NULL" +
                    WhereTask(task, core::TaskState::Runnable)) > 0;
  if (!mine) return false;
  ChangeCatalog(
      "UPDATE altius_internal.background_task_work SET started_at = pg_catalog.clock_timestamp(),"
      " finished_at = NULL WHERE task_id = " +
      std::to_string(task));
  return true;
}

bool MarkEnded(int64 task, core::TaskState before, const core::Aftermath& after,
               const std::string& message) {
  std::string sql =
      std::string("UPDATE pg_catalog.pg_dist_background_task SET pid = NULL, status = '") +
      core::NameOf(after.state) + "', retry_count = " + std::to_string(after.retries);
  if (after.state == core::TaskState::Runnable) {
    sql += ", not_before = pg_catalog.clock_timestamp() + interval '" +
           std::to_string(after.delay_ms) + " ms'";
  }
  if (after.state == core::TaskState::Done)
    sql += ", message = ''";
  else if (!message.empty())
    sql += ", message = " + Quote(message);
  if (ChangeCatalog(sql + WhereTask(task, before)) == 0) return false;
  ChangeCatalog(
      "UPDATE altius_internal.background_task_work SET finished_at = pg_catalog.clock_timestamp()"
      " WHERE task_id = " +
      std::to_string(task));
  return true;
}

void MarkNotStarted(int64 task, const std::string& message) {
  ChangeCatalog("UPDATE pg_catalog.pg_dist_background_task SET status = 'runnable', message = " +
                Quote(message) + ", not_before = pg_catalog.clock_timestamp() + interval '1 s'" +
                WhereTask(task, core::TaskState::Running));
}

void ChangeJob(int64 job, core::JobState state) {
  const bool begins = state == core::JobState::Running || state == core::JobState::Failing;
  std::string sql = std::string("UPDATE pg_catalog.pg_dist_background_job j SET state = '") +
                    core::NameOf(state) + "'";
  if (begins || core::IsFinal(state)) {
    sql +=
        ", started_at = coalesce(started_at, (SELECT min(w.started_at) FROM "
        "altius_internal.background_task_work w"
        " JOIN pg_catalog.pg_dist_background_task t USING (task_id) WHERE t.job_id = j.job_id),"
        " clock_timestamp())";
  }
  if (core::IsFinal(state)) sql += ", finished_at = pg_catalog.clock_timestamp()";
  ChangeCatalog(sql + " WHERE job_id = " + std::to_string(job));
}

std::vector<int> NumbersOf(const char* list) {
  std::vector<int> numbers;
  for (char* at = const_cast<char*>(list); *at != '\0';) {
    char* end;
    const long number = strtol(at, &end, 10);
    if (end == at) break;
    numbers.push_back(static_cast<int>(number));
    at = end;
  }
  return numbers;
}

core::RetryPolicy Policy() { return {most_tries, retry_delay_ms}; }

}  // namespace altius::rebalance::jobs
