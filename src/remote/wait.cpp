// SPDX-License-Identifier: PostgreSQL
// Waiting for nodes: latch, postmaster and sockets in one place.  A wait that may raise serves
// interrupts; a quiet one, used while a transaction ends, neither raises nor lasts beyond its
// deadline.
#include "session.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/ipc.h"
#include "utils/snapmgr.h"
}

namespace altius::remote {

namespace {

uint32 answer_event = 0;
WaitEventSet* several_set = nullptr;  // freed by the next wait when an error left it behind

uint32 AnswerEvent() { return pg::NamedWaitEvent(&answer_event, "AltiusNodeAnswer"); }

/// The snapshot of catalogs that nobody uses any more: what is waited for may itself wait for old snapshots of this server.
void LetSnapshotGo() { InvalidateCatalogSnapshotConditionally(); }

/// Reads and writes what the socket takes.
void Exchange(Connection* connection) {
  if (PQconsumeInput(connection->pg) == 1) return;
  Process(connection, nullptr, 0, true);  // the node may have said why
  MarkBroken(connection, "the node closed the connection");
}

uint32 WantedEvents(Connection* connection) {
  const int pending = PQflush(connection->pg);
  return pending == 1 ? WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE : WL_SOCKET_READABLE;
}

void LeaveIfPostmasterGone(Waited waited) {
  if (waited == Waited::PostmasterGone) proc_exit(1);
}

/// How long to sleep for a request: for ever, unless a cancel was passed on to the node and may
/// have come too early.
long SleepFor(const Request* request, long bound) {
  if (request->cancel_again == 0) return bound;
  const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), request->cancel_again);
  return bound < 0 ? std::max(1L, left) : std::min(bound, std::max(1L, left));
}

/// A node that answers neither the statement nor a cancel may never do so: then nobody knows what became of the statement.
void PassOnCancel(Request* request) {
  const TimestampTz now = GetCurrentTimestamp();
  if (request->give_up_at == 0) request->give_up_at = TimestampTzPlusMilliseconds(now, kCancelPatienceMs);
  if (now >= request->give_up_at) return MarkBroken(request->connection, "the node has not answered a cancel");
  (void)SendCancel(request->connection);
  request->cancel_again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kCancelAgainMs);
}

bool Unfinished(const Request* request) { return request != nullptr && !request->finished; }

void WaitForSeveral(Request* const* requests, int count) {
  if (several_set != nullptr) FreeWaitEventSet(several_set);
  several_set = pg::NewWaitEventSet(count + 2);
  AddWaitEventToSet(several_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(several_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  for (int i = 0; i < count; i++) {
    if (!Unfinished(requests[i])) continue;
    Connection* connection = requests[i]->connection;
    bool known = false;
    for (int j = 0; j < i; j++)
      known = known || (Unfinished(requests[j]) && requests[j]->connection == connection);
    if (known) continue;
    AddWaitEventToSet(several_set, WantedEvents(connection), PQsocket(connection->pg), nullptr,
                      connection);
  }
  LetSnapshotGo();
  WaitEvent events[8];
  const int ready = WaitEventSetWait(several_set, -1, events, lengthof(events), AnswerEvent());
  for (int i = 0; i < ready; i++) {
    if ((events[i].events & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
    Connection* connection = static_cast<Connection*>(events[i].user_data);
    if (connection != nullptr && connection->state == State::Ready) Exchange(connection);
  }
  FreeWaitEventSet(several_set);
  several_set = nullptr;
  for (int i = 0; i < count; i++) {
    if (Unfinished(requests[i])) CutIfDeposed(requests[i]->connection);
  }
}

bool ProcessAll(Request* const* requests, int count) {
  bool all = true;
  for (int i = 0; i < count; i++) {
    if (!Unfinished(requests[i])) continue;
    Process(requests[i]->connection, requests[i], 0, false);
    all = all && requests[i]->finished;
  }
  EmitNotices();
  return all;
}

/// Whether it matters which node's answers are read first: rows are kept back on more than one
/// node, or statements.
bool MustWatchAll(Request* const* requests, int count) {
  const Connection* first = nullptr;
  bool several = false;
  bool large = false;
  for (int i = 0; i < count; i++) {
    if (!Unfinished(requests[i])) continue;
    Connection* connection = requests[i]->connection;
    several = several || (first != nullptr && first != connection);
    first = connection;
    large = large || requests[i]->sink != nullptr || PQflush(connection->pg) == 1;
  }
  return several && large;
}

void WaitQuietly(Request* request) {
  for (;;) {
    Process(request->connection, request, 0, false);
    EmitNotices();
    if (request->finished) return;
    LeaveIfPostmasterGone(Sleep(request->connection, SleepFor(request, -1)));
    ServeInterrupts(request);
  }
}

}  // namespace

Waited Sleep(Connection* connection, long timeout_ms) {
  const uint32 wanted = WantedEvents(connection);
  if (wanted != connection->watching) {
    ModifyWaitEvent(connection->events, 2, wanted, nullptr);
    connection->watching = wanted;
  }
  LetSnapshotGo();
  WaitEvent events[3];
  const int ready =
      WaitEventSetWait(connection->events, timeout_ms, events, lengthof(events), AnswerEvent());
  CutIfDeposed(connection);
  if (connection->state != State::Ready) return Waited::Ready;
  if (ready == 0) return Waited::Timeout;
  for (int i = 0; i < ready; i++) {
    if ((events[i].events & WL_POSTMASTER_DEATH) != 0) return Waited::PostmasterGone;
    if ((events[i].events & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
    if ((events[i].events & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE)) != 0) Exchange(connection);
  }
  return Waited::Ready;
}

void ServeInterrupts(Request* request) {
  if (request != nullptr && request->decisive && QueryCancelPending && !ProcDiePending) {
    // The node decides whether the statement is cancelled or had been committed before.
    QueryCancelPending = false;
    PassOnCancel(request);
    return;
  }
  if (request != nullptr && request->cancel_again != 0 &&
      GetCurrentTimestamp() >= request->cancel_again)
    PassOnCancel(request);
  if (wait_hook != nullptr) wait_hook();
  CHECK_FOR_INTERRUPTS();
}

void WaitForRowsQuietly(Request* request, int max_rows) {
  const int64 before = request->rows;
  for (;;) {
    Process(request->connection, request, max_rows, false);
    EmitNotices();
    if (request->finished || request->rows > before) break;
    LeaveIfPostmasterGone(Sleep(request->connection, SleepFor(request, -1)));
    ServeInterrupts(request);
  }
}

void WaitForRows(Request* request, int max_rows) {
  WaitForRowsQuietly(request, max_rows);
  if (request->failed) RaiseError(request);
}

void Wait(Request* request) {
  WaitQuietly(request);
  if (request->failed) RaiseError(request);
}

void WaitAllQuietly(Request* const* requests, int count) {
  while (!ProcessAll(requests, count)) {
    // Answers without rows are small: waiting for one after the other costs no time.
    if (!MustWatchAll(requests, count)) {
      for (int i = 0; i < count; i++) WaitQuietly(requests[i]);
      return;
    }
    WaitForSeveral(requests, count);
    ServeInterrupts(nullptr);
  }
}

void WaitAll(Request* const* requests, int count) {
  WaitAllQuietly(requests, count);
  for (int i = 0; i < count; i++) {
    if (requests[i]->failed) RaiseError(requests[i]);
  }
}

bool WaitUntil(Request* request, TimestampTz deadline) {
  Connection* connection = request->connection;
  while (connection->state == State::Ready && !request->finished) {
    Process(connection, request, 0, true);
    if (request->finished || connection->state != State::Ready) break;
    const long left =
        deadline == 0 ? -1 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    if (left == 0 || Sleep(connection, left) == Waited::PostmasterGone) break;
  }
  DropNotices();
  SetLatch(MyLatch);  // whoever waits next looks at the interrupts that came meanwhile
  return request->finished;
}

bool WaitBounded(Request* request, TimestampTz deadline) {
  Connection* connection = request->connection;
  for (;;) {
    Process(connection, request, 0, false);
    if (request->finished || connection->state != State::Ready) break;
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    if (left == 0) break;
    LeaveIfPostmasterGone(Sleep(connection, SleepFor(request, left)));
    ServeInterrupts(request);
  }
  EmitNotices();
  return request->finished;
}

void Drain(Connection* connection) {
  if (connection->state == State::Ready && connection->unsynced) QueueSync(connection, nullptr);
  while (connection->state == State::Ready && connection->count > 0) {
    Process(connection, nullptr, 0, false);
    EmitNotices();
    if (connection->state != State::Ready || connection->count == 0) break;
    LeaveIfPostmasterGone(Sleep(connection, -1));
    ServeInterrupts(nullptr);
  }
}

bool DrainUntil(Connection* connection, TimestampTz deadline) {
  if (connection->in_copy && !AbandonCopy(connection, deadline)) return false;
  if (connection->state == State::Ready && connection->unsynced) QueueSync(connection, nullptr);
  while (connection->state == State::Ready && connection->count > 0) {
    Process(connection, nullptr, 0, true);
    if (connection->state != State::Ready || connection->count == 0) break;
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    if (left == 0 || Sleep(connection, left) == Waited::PostmasterGone) break;
  }
  DropNotices();
  SetLatch(MyLatch);
  return connection->state != State::Ready || connection->count == 0;
}

bool IsIdle(const Connection* connection) { return connection->count == 0 && !connection->in_copy; }

void Poll(Connection* connection) {
  if (connection->state != State::Ready || connection->count == 0 || connection->in_copy) return;
  Exchange(connection);
  Process(connection, nullptr, 0, true);
}

bool HasRequestsBefore(const Connection* connection, int level) {
  for (int i = 0; i < connection->count; i++) {
    const Request* request = ItemAt(connection, i)->request;
    if (request == nullptr || request->orphan) continue;
    if (request->level < level) return true;
  }
  return false;
}

void OrphanFrom(Connection* connection, int level) {
  for (int i = 0; i < connection->count; i++) {
    Item* item = ItemAt(connection, i);
    item->undone = item->undone || item->level >= level;
    if (item->request != nullptr && item->request->level >= level) item->request->orphan = true;
  }
}

void LowerLevel(Connection* connection, int level) {
  if (connection->unheard >= level) connection->unheard = level - 1;
  for (int i = 0; i < connection->count; i++) {
    Item* item = ItemAt(connection, i);
    if (item->level >= level) item->level = level - 1;
    if (item->request != nullptr && item->request->level >= level) item->request->level = level - 1;
  }
}

namespace {

bool HasStatementsFrom(const Connection* connection, int level) {
  for (int i = 0; i < connection->count; i++) {
    const Item* item = ItemAt(connection, i);
    if (item->kind == ItemKind::Main && item->level >= level) return true;
  }
  return false;
}

/// The statement to stop that the node is at, or comes to before it says anything again: what is
/// sent with one Sync is answered with it, so BEGIN, SAVEPOINT or Parse may still be the head of
/// the queue while the node waits for a lock.
const Item* StatementUnderWay(const Connection* connection, int level) {
  for (int i = 0; i < connection->count; i++) {
    const Item* item = ItemAt(connection, i);
    if (item->kind == ItemKind::Main) return item->level >= level ? item : nullptr;
    if (item->kind == ItemKind::Sync) return nullptr;
  }
  return nullptr;
}

constexpr int kCancelDelayMs =
    50;  // for what precedes a statement: it takes no time, and must not be cancelled

}  // namespace

bool StopFrom(Connection* connection, int level, TimestampTz deadline) {
  OrphanFrom(connection, level);
  if (connection->in_copy && connection->copy_level < level) return true;
  if (connection->in_copy && !AbandonCopy(connection, deadline)) return false;
  if (connection->unsynced && HasStatementsFrom(connection, level)) QueueSync(connection, nullptr);
  Poll(connection);
  TimestampTz next_cancel = 0;
  while (connection->state == State::Ready && HasStatementsFrom(connection, level)) {
    const TimestampTz now = GetCurrentTimestamp();
    const Item* item = StatementUnderWay(connection, level);
    if (next_cancel == 0) {
      const bool at_it = item == ItemAt(connection, 0);
      next_cancel = at_it ? now : TimestampTzPlusMilliseconds(now, kCancelDelayMs);
    }
    if (now >= next_cancel) {
      // At the end of a transaction a node that is frozen is left alone.
      if (item != nullptr && !SendCancel(connection) && level == 0) break;
      next_cancel =
          TimestampTzPlusMilliseconds(now, item != nullptr ? kCancelAgainMs : kCancelDelayMs);
    }
    const long left = TimestampDifferenceMilliseconds(now, deadline);
    const long pause = std::max(1L, TimestampDifferenceMilliseconds(now, next_cancel));
    if (left == 0 || Sleep(connection, std::min(left, pause)) == Waited::PostmasterGone) break;
    const int before = connection->count;
    Process(connection, nullptr, 0, true);
    // The next statement needs a cancel of its own.
    if (connection->count < before) next_cancel = 0;
  }
  DropNotices();
  SetLatch(MyLatch);
  return connection->state != State::Ready || !HasStatementsFrom(connection, level);
}

void Forget(Request* request, bool may_cancel) {
  if (request->finished || request->orphan) return;
  Connection* connection = request->connection;
  request->orphan = true;
  if (!may_cancel || connection->state != State::Ready) return;
  if (PQconsumeInput(connection->pg) == 1) Process(connection, request, 0, true);
  // Only when the node is at this statement and nothing that somebody waits for is behind it.
  if (request->finished || connection->count == 0) return;
  const Item* head = ItemAt(connection, 0);
  if (head->kind != ItemKind::Main || head->request != request) return;
  for (int i = 0; i < connection->count; i++) {
    const Request* other = ItemAt(connection, i)->request;
    if (other != nullptr && other != request && !other->orphan) return;
  }
  (void)SendCancel(connection);
}

}  // namespace altius::remote
