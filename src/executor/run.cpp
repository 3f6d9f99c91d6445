// SPDX-License-Identifier: PostgreSQL
// The life of one execution: statements go to all nodes first, then this node's own shards run,
// then rows are taken as they come.  Modifications run to the end at once.
#include "copies.hpp"
#include "in_order.hpp"
#include "key_filters.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/task/checks.hpp"
#include "altius/task/finish.hpp"
#include "altius/task/lent_rights.hpp"
#include "altius/task/local.hpp"
#include "altius/task/ownership.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
}

namespace altius::executor {

namespace {

using plan::FragmentKind;

bool Modifies(const plan::Fragment& fragment) { return fragment.kind != FragmentKind::Rows; }

bool ChangesShards(const plan::Fragment& fragment) { return Modifies(fragment) && fragment.kind != FragmentKind::Statement; }

/// Statements about shards are sent again when a shard has moved; copies of reference tables come
/// and go otherwise.
bool MayMove(const plan::Fragment& fragment) {
  return fragment.kind != FragmentKind::ModifyCopies && fragment.kind != FragmentKind::Statement;
}

/// Nothing but this node's one statement happens in the transaction.
bool IsAlone(const FragmentState* state) {
  const EState* estate = state->css.ss.ps.state;
  return estate->es_plannedstmt->planTree == state->css.ss.ps.plan &&
         estate->es_plannedstmt->subplans == NIL && task::IsWholeTransaction(estate);
}

txn::Access AccessOf(const FragmentState* state) {
  if (!Modifies(*state->fragment))
    return state->fragment->row_marks ? txn::Access::Write : txn::Access::Read;
  const bool fires = state->fragment->changes != NIL;  // triggers, here, in the same transaction
  // What is done with rows here may fail, on their way to the client, too.
  const bool returns = state->css.ss.ps.state->es_plannedstmt->hasReturning;
  const bool single = state->run->tasks.size() == 1 && !fires && !returns && IsAlone(state);
  return single ? txn::Access::SingleWrite : txn::Access::Write;
}

/// The run's memory goes: its requests must not write into it any more.  Also called when the
/// transaction aborts.
void ForgetRequests(void* argument) {
  const Run* run = static_cast<Run*>(argument);
  for (const Task& task : run->tasks) {
    if (task.request != nullptr && !task.request->finished) remote::Forget(task.request, false);
  }
}

/// What comes in front of the statement.
void BeginTask(FragmentState* state, Task* task) {
  const Run* run = state->run;
  if (ChangesShards(*state->fragment)) task::KeepChecksBack(task->group, run->owner, state->fragment->tables);
  if (state->fragment->kind != FragmentKind::ModifyCopies || run->tasks.size() < 2) return;
  task->before = task::BeginCopy(run->write, task->group);
}

void SendTask(FragmentState* state, Task* task, bool with_rows) {
  Run* run = state->run;
  MakeTexts(&run->arguments);
  const remote::StatementText statement = {.sql = task->sql,
                                           .param_count = run->arguments.count,
                                           .param_types = run->arguments.declared,
                                           .param_values = run->arguments.texts,
                                           .binary_rows = binary_protocol && run->store->binary,
                                           .may_have_moved = MayMove(*state->fragment),
                                           .prepare = run->arguments.count > 0};
  const bool modifies = Modifies(*state->fragment);
  BeginTask(state, task);
  remote::Connection* connection = txn::Enlist(task->group, AccessOf(state), run->owner);
  remote::RowSink* sink = with_rows ? task::MakeSink(run->store) : nullptr;
  INSTR_TIME_SET_CURRENT(task->sent);
  task->request = remote::Send(
      connection, task::WithLentRights(statement, run->lending, modifies, run->store->desc), sink);
}

void NoteTime(Task* task) {
  instr_time now;
  INSTR_TIME_SET_CURRENT(now);
  INSTR_TIME_SUBTRACT(now, task->sent);
  task->milliseconds = INSTR_TIME_GET_MILLISEC(now);
}

int64 RunTaskHere(FragmentState* state, Task* task, bool with_rows) {
  Run* run = state->run;
  const plan::Fragment& fragment = *state->fragment;
  const int64 rows_before = run->store->rows;
  const task::LocalStatement statement = {.sql = task->sql,
                                          .arg_count = run->arguments.count,
                                          .arg_types = run->arguments.types,
                                          .arg_values = run->arguments.values,
                                          .arg_nulls = run->arguments.nulls,
                                          .mode = Modifies(fragment)   ? task::LocalMode::Write
                                                  : fragment.row_marks ? task::LocalMode::Lock
                                                                       : task::LocalMode::Read,
                                          .snapshot = state->css.ss.ps.state->es_snapshot,
                                          .keep_plan = run->arguments.count > 0,
                                          .lending = run->lending};
  BeginTask(state, task);
  INSTR_TIME_SET_CURRENT(task->sent);
  const int64 affected = task::RunHere(statement, with_rows ? run->store : nullptr);
  NoteTime(task);
  task->rows = run->store->rows - rows_before;
  task->moved = affected == task::kMoved;
  return task->affected = task->moved ? 0 : affected;
}

}  // namespace

int64 StartTasks(FragmentState* state, Task* tasks, int count, bool with_rows) {
  int64 affected = 0;
  for (int i = 0; i < count; i++) {
    if (!tasks[i].local) SendTask(state, &tasks[i], with_rows);
  }
  for (int i = 0; i < count; i++) {
    if (tasks[i].local) affected += RunTaskHere(state, &tasks[i], with_rows);
  }
  return affected;
}

namespace {

/// The task had succeeded in the session that was lost under another one: what it did is undone.
bool IsUndoneWith(const Task& task, const remote::Connection* connection, uint32 session) {
  const remote::Request* request = task.request;
  return request != nullptr && request->connection == connection && request->session == session &&
         request->finished && !request->failed && !request->moved;
}

/// What a task did in its session lasts only as long as that: changes, locks, and the snapshot of
/// the transaction.
bool LeavesTraces(const FragmentState* state) {
  return Modifies(*state->fragment) || state->fragment->row_marks ||
         XactIsoLevel != XACT_READ_COMMITTED;
}

/// Whether a task was lost with this one that can't be run again: its result has gone further.
bool IsLostForGood(const FragmentState* state, const Task* tasks, int count,
                   const remote::Request* lost) {
  if (!LeavesTraces(state)) return false;
  for (const Task& task : state->run->tasks) {
    const bool awaited = &task >= tasks && &task < tasks + count;
    if (IsUndoneWith(task, lost->connection, lost->session) &&
        (!awaited || task.request->rows > 0 || state->fragment->changes != NIL || XactIsoLevel != XACT_READ_COMMITTED))
      return true;
  }
  return false;
}

/// Sends a task again that failed because its node was lost, and those that were undone with it.
void SendAgainWithOthers(FragmentState* state, Task* failed, Task* tasks, int count,
                         bool with_rows) {
  const remote::Connection* connection = failed->request->connection;
  const uint32 session = failed->request->session;
  SendTask(state, failed, with_rows);
  if (!LeavesTraces(state)) return;
  for (int i = 0; i < count; i++) {
    if (IsUndoneWith(tasks[i], connection, session)) SendTask(state, &tasks[i], with_rows);
  }
}

/// Whether there were any that failed because their node was lost, and may run again.
bool SendAgain(FragmentState* state, Task* tasks, int count, bool with_rows) {
  bool any = false;
  for (int i = 0; i < count; i++) {
    const remote::Request* request = tasks[i].request;
    if (request == nullptr || !request->failed) continue;
    if (tasks[i].before != nullptr && tasks[i].before->error != nullptr) remote::RaiseError(tasks[i].before);
    const bool used = request->rows > 0 || IsLostForGood(state, tasks, count, request);
    if (!txn::MayRunAgain(request, state->run->owner, used, &tasks[i].attempts))
      remote::RaiseError(tasks[i].request);
    SendAgainWithOthers(state, &tasks[i], tasks, count, with_rows);
    any = true;
  }
  return any;
}

}  // namespace

int64 AwaitTasks(FragmentState* state, Task* tasks, int count, bool with_rows) {
  do {
    pg::Array<remote::Request*> requests;
    for (int i = 0; i < count; i++) {
      if (tasks[i].request != nullptr) requests.push_back(tasks[i].request);
    }
    remote::WaitAllQuietly(requests.data(), requests.size());
  } while (SendAgain(state, tasks, count, with_rows));
  int64 affected = 0;
  for (int i = 0; i < count; i++) {
    if (tasks[i].request == nullptr) continue;
    NoteTime(&tasks[i]);
    affected += tasks[i].affected = tasks[i].request->affected;
    tasks[i].moved = tasks[i].request->moved;
  }
  return affected;
}

namespace {

/// Sends a modification of one shard to where the shard or its parts lie now; they are new tasks.
int64 FollowShard(FragmentState* state, int index) {
  Run* run = state->run;
  const Task moved = run->tasks[index];
  if (!moved.moved) return 0;
  run->tasks[index].moved = false;
  run->tasks[index].request = nullptr;
  task::AwaitNewPlacement(moved.sent_again);
  const int first = run->tasks.size();
  for (const Task& made : TasksAnew(state, moved)) run->tasks.push_back(made);
  const int count = run->tasks.size() - first;
  const int64 affected = StartTasks(state, &run->tasks[first], count, true);
  return affected + AwaitTasks(state, &run->tasks[first], count, true);
}

/// The task's shards are not all on its node any more: their statements go to where they are.
void SendAnew(FragmentState* state, int index) {
  Run* run = state->run;
  const MemoryContext before = MemoryContextSwitchTo(run->memory);
  Task* task = &run->tasks[index];
  task->moved = false;
  task->request = nullptr;
  task::AwaitNewPlacement(task->sent_again);
  const int first = run->tasks.size();
  for (const Task& made : TasksAnew(state, *task)) run->tasks.push_back(made);
  StartTasks(state, &run->tasks[first], run->tasks.size() - first, true);
  MemoryContextSwitchTo(before);
}

/// Those that ran here found their shard gone.
void SendMovedAnew(FragmentState* state) {
  for (int i = 0; i < state->run->tasks.size(); i++) {
    if (state->run->tasks[i].moved) SendAnew(state, i);
  }
}

void RunModification(FragmentState* state) {
  Run* run = state->run;
  if (state->fragment->kind == FragmentKind::ModifyCopies) {
    run->write = WriteOf(state);
    run->affected = ModifyCopies(state);
  } else {
    int ended = 0;
    if (run->tasks.size() > 1 && ChangesShards(*state->fragment)) task::ExpectMoreRows();
    run->affected = StartInOrder(state, &ended);
    if (ChangesShards(*state->fragment)) task::CheckBehind();
    run->affected += AwaitTasks(state, run->tasks.data() + ended, run->tasks.size() - ended, true);
    txn::StopPoint("done on nodes");
    for (int i = 0; i < run->tasks.size(); i++) run->affected += FollowShard(state, i);
  }
  if (task::SetsTag(&state->css, state->fragment->command))
    state->css.ss.ps.state->es_processed += run->affected;
}

/// Connections to several nodes are opened together, not one after the other.
void OpenAhead(const Run* run) {
  pg::Array<int> groups;
  for (const Task& task : run->tasks) {
    if (!task.local && (groups.empty() || groups.back() != task.group))
      groups.push_back(task.group);
  }
  if (groups.size() > 1) remote::OpenAhead(groups.data(), groups.size());
}

Run* MakeRun(FragmentState* state) {
  const EState* estate = state->css.ss.ps.state;
  const MemoryContext memory =
      AllocSetContextCreate(estate->es_query_cxt, "altius fragment", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(memory);
  auto* run = new (palloc0(sizeof(Run))) Run{};
  run->memory = memory;
  run->owner = txn::NewOwner();
  auto* callback = static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
  callback->func = ForgetRequests;
  callback->arg = run;
  MemoryContextRegisterResetCallback(memory, callback);
  return run;
}

}  // namespace

task::Lending LendingOf(const FragmentState* state) {
  if (state->fragment->kind == FragmentKind::Statement) return {};
  return task::LendingFor(state->css.ss.ps.state->es_plannedstmt, state->fragment->tables, state->fragment->row_marks);
}

void StartRun(FragmentState* state) {
  const MemoryContext before = CurrentMemoryContext;
  Run* run = MakeRun(state);
  run->lending = LendingOf(state);
  run->arguments = EvaluateArguments(state);
  state->starting = true;
  if (state->fragment->key_filters != NIL) AddKeys(state, &run->arguments);
  state->starting = false;
  run->tasks = TasksOf(state, run->arguments, &run->shard_count);
  run->store = task::MakeRowStore(state->row->tts_tupleDescriptor,
                                  state->keep_rows || Modifies(*state->fragment), state->backward);
  state->run = run;
  OpenAhead(run);
  if (Modifies(*state->fragment)) {
    RunModification(state);
  } else {
    int ended = 0;
    StartInOrder(state, &ended);
    SendMovedAnew(state);
  }
  MemoryContextSwitchTo(before);
}

namespace {

/// The task's node was lost: it is sent again if none of its rows came, else its error is raised.
void Recover(FragmentState* state, Task* task) {
  const MemoryContext before = MemoryContextSwitchTo(state->run->memory);
  SendAgain(state, task, 1, true);
  MemoryContextSwitchTo(before);
}

bool IsDone(const Task& task) {
  return task.request == nullptr || (task.request->finished && !task.request->failed);
}

}  // namespace

bool FetchMore(FragmentState* state) {
  Run* run = state->run;
  const int64 rows_before = run->store->rows;
  int idle = 0;
  while (idle < run->tasks.size()) {
    Task* task = &run->tasks[run->next];
    const int index = run->next;
    if (task->request != nullptr && task->request->finished && task->request->moved) {
      run->next = (index + 1) % run->tasks.size();
      SendAnew(state, index);
      SendMovedAnew(state);
      idle = 0;
      if (run->store->rows > rows_before) return true;
      continue;
    }
    if (IsDone(*task)) {
      run->next = (index + 1) % run->tasks.size();
      idle++;
      continue;
    }
    idle = 0;
    // Another scan that shares the connection may have drained it, or failed to.
    if (!task->request->finished) remote::WaitForRowsQuietly(task->request);
    if (task->request->failed) {
      Recover(state, task);
      continue;
    }
    run->next = (index + 1) % run->tasks.size();
    if (task->request->finished) NoteTime(task);
    if (run->store->rows > rows_before) return true;
  }
  return false;
}

void EndRun(FragmentState* state) {
  Run* run = state->run;
  if (run == nullptr) return;
  const bool may_cancel =
      IsAlone(state) && !Modifies(*state->fragment) && !state->fragment->row_marks;
  for (Task& task : run->tasks) {
    if (task.request == nullptr || task.request->finished) continue;
    remote::Forget(task.request, may_cancel);
    task.request = nullptr;
  }
  ExecClearTuple(state->row);
  task::CloseRowStore(run->store);
  state->run = nullptr;
  MemoryContextDelete(run->memory);
}

}  // namespace altius::executor
