// SPDX-License-Identifier: PostgreSQL
#include "budget.hpp"

#include "altius/pg/compat_wait.hpp"
#include "altius/pg/shared_memory.hpp"
#include "altius/remote/budget_waits.hpp"

extern "C" {
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "utils/guc.h"
}

namespace altius::remote {

namespace {

constexpr int kCapacity = 512;  // servers; more than these are not limited
constexpr long kNudgeMs = 200;
constexpr int kSeenMs = 3000;    // who waits looks much more often
constexpr int kWantedMs = 1000;  // somebody waits, or did a moment ago
constexpr int kExtraSlots = 64;   // auxiliary processes have numbers beyond MaxBackends
constexpr const char* kTranche = "altius_connection_budget";

/// One server that connections go to.
struct Server {
  char host[256];
  int port;  // 0: free
  int count;
  TimestampTz wanted_until;  // idle connections are given up until then
};

/// What a backend has and waits for, by the number of its process.
struct User {
  int pid;  // 0: free
  Oid database;
  int wants;          // number of a server, from 1 on; 0: none
  TimestampTz since;  // when it began to wait
  TimestampTz seen;   // when it last looked: an error may have ended its wait
  uint8 held[kCapacity];
};

struct Budget {
  LWLock* lock;
  ConditionVariable returned;
  Server servers[kCapacity];
  User users[FLEXIBLE_ARRAY_MEMBER];
};

int max_shared_pool_size = 0;
uint32 budget_event = 0;
Budget* budget = nullptr;
User* mine = nullptr;

int UserCount() { return MaxBackends + kExtraSlots; }

Size BudgetSize() { return add_size(offsetof(Budget, users), mul_size(sizeof(User), UserCount())); }

void LeaveUsers(int, Datum) {
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  mine->pid = 0;
  LWLockRelease(budget->lock);
  mine = nullptr;
}

/// Call without the lock.
void BecomeUser() {
  const int index = pg::MyProcIndex();
  if (mine != nullptr || index < 0 || index >= UserCount()) return;
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  mine = &budget->users[index];
  *mine = User{};
  mine->pid = MyProcPid;
  mine->database = MyDatabaseId;
  LWLockRelease(budget->lock);
  before_shmem_exit(LeaveUsers, 0);
}

void TakeMemory(void* memory, bool fresh) {
  budget = static_cast<Budget*>(memory);
  if (!fresh) return;
  budget->lock = pg::SharedLock(kTranche);
  ConditionVariableInit(&budget->returned);
}

/// INT_MAX: no limit.
int Limit() {
  if (max_shared_pool_size == 0) return MaxConnections;
  return max_shared_pool_size < 0 ? INT_MAX : max_shared_pool_size;
}

/// Call with the lock held.  Null when it has no entry and there is no room for one.
Server* FindServer(const char* host, int port) {
  Server* room = nullptr;
  for (Server& server : budget->servers) {
    if (server.port == port && strcmp(server.host, host) == 0) return &server;
    if (server.port == 0) return room != nullptr ? room : &server;  // behind it are none
    if (server.count == 0 && room == nullptr) room = &server;
  }
  return room;
}

/// Call with the lock held exclusively.
Server* MakeServer(const char* host, int port) {
  Server* server = FindServer(host, port);
  if (server == nullptr || (server->port == port && strcmp(server->host, host) == 0)) return server;
  strlcpy(server->host, host, sizeof(server->host));
  server->port = port;
  server->count = 0;
  server->wanted_until = 0;
  return server;
}

bool IsCounted(const Connection* connection) {
  return budget != nullptr && connection->group >= 0 && !connection->separate && !connection->own &&
         MyBackendType == B_BACKEND;
}

/// Else idle sessions are asked to give theirs back.
bool HasRoom(const Connection* connection) {
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  Server* server = MakeServer(connection->host, connection->port);
  const bool room = server == nullptr || server->count < Limit();
  if (!room) {
    const TimestampTz now = GetCurrentTimestamp();
    server->wanted_until = TimestampTzPlusMilliseconds(now, kWantedMs);
    if (mine != nullptr && mine->wants == 0) mine->since = now;
    if (mine != nullptr) mine->seen = now;
  }
  if (mine != nullptr) mine->wants = room ? 0 : static_cast<int>(server - budget->servers) + 1;
  LWLockRelease(budget->lock);
  if (!room) NudgeUsers();
  return room;
}

}  // namespace

void InitBudgetMemory() {
  DefineCustomIntVariable("citus.max_shared_pool_size",
                          "Sets the most connections that sessions of this node have to another node.",
                          "0 follows max_connections, -1 means no limit.", &max_shared_pool_size, 0, -1, INT_MAX,
                          PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  pg::RegisterShared({"altius connection budget", BudgetSize, TakeMemory, kTranche});
}

bool TakeBudget(Connection* connection) {
  if (!IsCounted(connection) || connection->budget != 0) return true;
  BecomeUser();
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  Server* server = MakeServer(connection->host, connection->port);
  const bool granted = server == nullptr || server->count < Limit();
  if (server != nullptr && granted) {
    server->count++;
    connection->budget = static_cast<int>(server - budget->servers) + 1;
    if (mine != nullptr) mine->held[connection->budget - 1]++;
  }
  LWLockRelease(budget->lock);
  return granted;
}

void ReturnBudget(Connection* connection) {
  if (connection->budget == 0) return;
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  Server* server = &budget->servers[connection->budget - 1];
  const bool waited_for = server->count-- >= Limit() || server->wanted_until != 0;
  if (mine != nullptr) mine->held[connection->budget - 1]--;
  LWLockRelease(budget->lock);
  connection->budget = 0;
  if (waited_for) ConditionVariableBroadcast(&budget->returned);
}

void StopWanting() {
  if (mine == nullptr || mine->wants == 0) return;
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  mine->wants = 0;
  LWLockRelease(budget->lock);
}

namespace {

[[noreturn]] void RaiseNoRoom(const Connection* connection) {
  ereport(ERROR, (errcode(ERRCODE_TOO_MANY_CONNECTIONS),
                  errmsg("there are too many connections from this node to node %s", connection->name),
                  errdetail("None of %d became free in citus.node_connection_timeout.", Limit()),
                  errhint("Raise citus.max_shared_pool_size, and max_connections on the node.")));
  pg_unreachable();
}

void WaitForRoom(const Connection* connection, TimestampTz deadline) {
  ConditionVariablePrepareToSleep(&budget->returned);
  while (!HasRoom(connection)) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    if (left <= 0) RaiseNoRoom(connection);
    if (wait_hook != nullptr) wait_hook();
    ConditionVariableTimedSleep(&budget->returned, std::min(left, kNudgeMs),
                                pg::NamedWaitEvent(&budget_event, "AltiusConnectionBudget"));
  }
}

}  // namespace

void AwaitBudget(const Connection* connection, TimestampTz* deadline) {
  if (*deadline == 0)
    *deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), connection_timeout_ms);
  CloseHalfOpen();
  BecomeUser();
  StopWanting();
  WaitForRoom(connection, *deadline);
  ConditionVariableCancelSleep();
}

namespace {

bool IsThere(const User& user) { return user.pid != 0; }

bool Waits(const User& user, TimestampTz before) {
  const TimestampTz alive = GetCurrentTimestamp() - static_cast<int64>(kSeenMs) * 1000;
  return IsThere(user) && user.wants != 0 && user.database == MyDatabaseId && user.since <= before && user.seen >= alive;
}

/// A glance without the lock, which tells whether it is worth a copy.
bool SomebodyWaits() {
  for (int i = 0; i < UserCount(); i++) {
    if (budget->users[i].wants != 0) return true;
  }
  return false;
}

}  // namespace

pg::Array<BudgetWait> BudgetWaits(TimestampTz before) {
  pg::Array<BudgetWait> waits;
  if (budget == nullptr || !SomebodyWaits()) return waits;
  User* users = static_cast<User*>(palloc(sizeof(User) * UserCount()));
  LWLockAcquire(budget->lock, LW_SHARED);
  std::copy_n(budget->users, UserCount(), users);
  LWLockRelease(budget->lock);
  for (int i = 0; i < UserCount(); i++) {
    if (!Waits(users[i], before)) continue;
    for (int j = 0; j < UserCount(); j++) {
      const bool holds = IsThere(users[j]) && users[j].held[users[i].wants - 1] > 0;
      if (holds) waits.push_back(BudgetWait{users[i].pid, users[j].pid});
    }
  }
  pfree(users);
  return waits;
}

bool IsWanted(const Connection* connection) {
  if (connection->budget == 0) return false;
  const Server* server = &budget->servers[connection->budget - 1];
  return server->count >= Limit() && GetCurrentTimestamp() < server->wanted_until;
}

}  // namespace altius::remote
