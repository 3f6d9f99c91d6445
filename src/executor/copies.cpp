// SPDX-License-Identifier: PostgreSQL
// A modification of a reference table: the leading copy first, then the others.
#include "copies.hpp"

#include "altius/task/ownership.hpp"

namespace altius::executor {

namespace {

constexpr int kPatience = 1000;  // attempts, of about 10 ms each

/// Runs the tasks on the copies that follow.
void RunOn(FragmentState* state, Task* tasks, int count) {
  StartTasks(state, tasks, count, false);
  AwaitTasks(state, tasks, count, false);
}

/// A transaction that the leading copy has seen commit may not have got so far on another one yet: there the row isn't to be seen
/// for a moment, and the statement has done nothing.
void RunUntilSame(FragmentState* state, Task* task, int64 affected) {
  for (int attempt = 1; task->affected != affected; attempt++) {
    if (task->affected != 0 || attempt > kPatience) {
      ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("copies of reference table \"%s\" differ", state->run->write.table->name),
                      errhint("altius_check_reference_tables(repair => true) makes them the same again.")));
    }
    task::AwaitNewPlacement(attempt);
    RunOn(state, task, 1);
  }
}

}  // namespace

task::CopyWrite WriteOf(const FragmentState* state) {
  // INSERT INTO it, UPDATE it, DELETE FROM it
  const catalog::Table* table = catalog::FindTable(linitial_oid(state->fragment->tables));
  if (table == nullptr) elog(ERROR, "the plan of a modification is stale");
  return task::WriteOf(*table, state->fragment->copies, state->run->owner);
}

int64 ModifyCopies(FragmentState* state) {
  Run* run = state->run;
  Task* leading = run->tasks.data();
  StartTasks(state, leading, 1, true);
  AwaitTasks(state, leading, 1, true);
  const int64 affected = leading->affected;
  const int others = run->tasks.size() - 1;
  if (others == 0) return affected;
  if (run->write.carried) {
    task::CarryChanges(run->write, affected);
  } else if (affected > 0) {
    RunOn(state, leading + 1, others);
    for (int i = 1; i <= others; i++) RunUntilSame(state, leading + i, affected);
  }
  return affected;
}

}  // namespace altius::executor
