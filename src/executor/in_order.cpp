// SPDX-License-Identifier: PostgreSQL
#include "in_order.hpp"

#include "altius/plan/instantiate.hpp"
#include "altius/task/meeting.hpp"

namespace altius::executor {

namespace {

/// Puts the tasks of the lowest group first, in the order they have; their number.
int LowestGroupFirst(Run* run) {
  pg::Array<Task> tasks;
  int lowest = run->tasks[0].group;
  for (const Task& task : run->tasks) lowest = std::min(lowest, task.group);
  for (const Task& task : run->tasks)
    if (task.group == lowest) tasks.push_back(task);
  const int count = tasks.size();
  for (const Task& task : run->tasks)
    if (task.group != lowest) tasks.push_back(task);
  run->tasks = tasks;
  return count;
}

/// Rows that are only added wait for nobody but who adds the same ones.
bool LocksRows(const plan::Fragment& fragment) {
  if (fragment.kind == plan::FragmentKind::Statement) return false;
  return fragment.kind == plan::FragmentKind::Rows ? fragment.row_marks : fragment.command != CMD_INSERT;
}

bool IsOfOneGroup(const Run& run) {
  for (const Task& task : run.tasks)
    if (task.group != run.tasks[0].group) return false;
  return true;
}

}  // namespace

int64 StartInOrder(FragmentState* state, int* ended) {
  Run* run = state->run;
  *ended = 0;
  if (!LocksRows(*state->fragment) || IsOfOneGroup(*run)) return StartTasks(state, run->tasks.data(), run->tasks.size(), true);
  const int first = LowestGroupFirst(run);
  const int rest = run->tasks.size() - first;
  Task* tasks = run->tasks.data();
  task::Meeting* meeting = task::Meeting::Begin(*plan::LeadingTable(state->fragment->tables), tasks[0].group, run->owner);
  // On another node they go right behind the question, here they would keep the other nodes waiting.
  const bool here = tasks[0].local;
  if (here && meeting->IsAlone()) return StartTasks(state, tasks, first + rest, true);
  int64 affected = StartTasks(state, tasks, first, true);
  if (here || !meeting->IsAlone()) {
    affected += AwaitTasks(state, tasks, first, true);
    *ended = first;
  }
  return affected + StartTasks(state, tasks + first, rest, true);
}

}  // namespace altius::executor
