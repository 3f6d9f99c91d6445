// SPDX-License-Identifier: PostgreSQL
// An executor: one process for one try of one task, as the task's owner.
//
// The task's SQL and the row that says "done" are one transaction: either both happened or neither.
// So a task that was done is never run again, whatever crashes.
#include "altius/core/jobs/states.hpp"
#include "catalog.hpp"
#include "session.hpp"
#include "shared.hpp"

extern "C" {
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
}

namespace altius::rebalance::jobs {
namespace {

struct Order {
  bool valid = false;
  core::TaskState state = core::TaskState::Running;
  std::string command;
};

/// Takes the task; not valid when it is not to be run any more.
Order Take(int64 task) {
  Order order;
  InTransaction([&] {
    const Rows rows = QueryCatalog(
        "UPDATE pg_catalog.pg_dist_background_task SET pid = pg_catalog.pg_backend_pid() WHERE "
        "task_id = " +
        std::to_string(task) +
        " AND status IN ('running', 'cancelling') AND pid IS NULL RETURNING status, command");
    if (rows.count == 0) return;
    order.valid = true;
    order.state = core::TaskStateOf(rows.Text(0, 0));
    order.command = rows.Text(0, 1);
  });
  return order;
}

void Execute(const char* command) {
  pg::Call([&] {
    debug_query_string = command;
    pgstat_report_activity(STATE_RUNNING, command);
    SPI_connect();
    const int code = SPI_execute(command, false, 0);
    if (code < 0) {
      ereport(ERROR,
              (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a task cannot contain this command"),
               errdetail("SPI answered %s.", SPI_result_code_string(code))));
    }
    SPI_finish();
  });
}

/// Where it happened, without the last line that PostgreSQL adds for the command itself.
std::string ContextOf(const ErrorData* error, const std::string& command) {
  std::string text = error->context == nullptr ? "" : error->context;
  const std::string own = "SQL statement \"" + command + "\"";
  if (text.size() >= own.size() && text.compare(text.size() - own.size(), own.size(), own) == 0) {
    text.resize(text.size() - own.size());
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string Describe(const ErrorData* error, const std::string& command) {
  if (error == nullptr || error->message == nullptr) return "ERROR: out of memory";
  std::string text = std::string("ERROR: ") + error->message;
  if (error->detail != nullptr) text += std::string("\nDETAIL: ") + error->detail;
  if (error->hint != nullptr) text += std::string("\nHINT: ") + error->hint;
  const std::string context = ContextOf(error, command);
  if (!context.empty()) text += "\nCONTEXT: " + context;
  return text;
}

void WriteFailure(int64 task, bool worth_retrying, const std::string& message) {
  InTransaction([&] {
    const Rows rows = QueryCatalog(
        "SELECT status, coalesce(retry_count, 0) FROM pg_catalog.pg_dist_background_task WHERE "
        "task_id = " +
        std::to_string(task) + " AND pid = pg_catalog.pg_backend_pid() FOR NO KEY UPDATE");
    if (rows.count == 0) return;
    const core::TaskState state = core::TaskStateOf(rows.Text(0, 0));
    const core::TaskEnd end = worth_retrying ? core::TaskEnd::Failure : core::TaskEnd::Hopeless;
    const core::Aftermath after =
        core::EndTask(state, end, static_cast<int>(rows.Number(0, 1)), Policy());
    MarkEnded(task, state, after, message);
  });
}

/// As one transaction: the task's work, and that it is done.
void RunOnce(int64 task, const Order& order) {
  const char* command = order.command.c_str();
  InTransaction([&] {
    Execute(command);
    const core::Aftermath done = core::EndTask(order.state, core::TaskEnd::Success, 0, Policy());
    ChangeCatalog("UPDATE pg_catalog.pg_dist_background_task SET status = '" +
                  std::string(core::NameOf(done.state)) +
                  "', pid = NULL, message = '' WHERE task_id = " + std::to_string(task) +
                  " AND pid = pg_catalog.pg_backend_pid()");
    ChangeCatalog(
        "UPDATE altius_internal.background_task_work SET finished_at = pg_catalog.clock_timestamp()"
        " WHERE task_id = " +
        std::to_string(task));
  });
}

void RunTask(int64 task) {
  const Order order = Take(task);
  if (!order.valid) return;
  NotifyChange();
  if (order.state == core::TaskState::Cancelling) {
    WriteFailure(task, false, "");
    return;
  }
  std::string message;
  bool worth_retrying = false;
  try {
    RunOnce(task, order);
    return;
  } catch (const pg::Error& error) {
    if (error.sqlerrcode() == ERRCODE_ADMIN_SHUTDOWN) throw;
    worth_retrying = core::IsWorthRetrying(unpack_sql_state(error.sqlerrcode()));
    message = Describe(error.data(), order.command);
  }
  QueryCancelPending = false;  // one that came too late must not hit what is written now
  const char* said = message.c_str();
  pg::Call(
      [&] { ereport(LOG, (errmsg("background task " INT64_FORMAT " failed: %s", task, said))); });
  WriteFailure(task, worth_retrying, message);
}

void ExecutorMain(Datum argument) {
  const Assignment it = BecomeExecutor(argument);
  if (it.database == InvalidOid) return;
  char application[NAMEDATALEN];
  snprintf(application, sizeof(application), "altius task " INT64_FORMAT " of job " INT64_FORMAT,
           it.task, it.job);
  ConnectWorker(it.database, it.owner, application);
  RunTask(it.task);
}

}  // namespace
}  // namespace altius::rebalance::jobs

extern "C" {
ALTIUS_EXPORT void altius_task_executor_main(Datum arg);
}

void altius_task_executor_main(Datum arg) {
  altius::pg::Entry([&] { altius::rebalance::jobs::ExecutorMain(arg); });
  proc_exit(0);
}
