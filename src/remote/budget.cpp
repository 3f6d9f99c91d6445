// SPDX-License-Identifier: PostgreSQL
#include "budget.hpp"

#include "altius/pg/shared_memory.hpp"

extern "C" {
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/condition_variable.h"
#include "utils/guc.h"
}

namespace altius::remote {

namespace {

constexpr int kCapacity = 512;  // servers; more than these are not limited
constexpr long kNudgeMs = 200;
constexpr int kWantedMs = 1000;  // somebody waits, or did a moment ago
constexpr const char* kTranche = "altius_connection_budget";

/// One server that connections go to.
struct Server {
  char host[256];
  int port;  // 0: free
  int count;
  TimestampTz wanted_until;  // idle connections are given up until then
};

struct Budget {
  LWLock* lock;
  ConditionVariable returned;
  Server servers[kCapacity];
};

int max_shared_pool_size = 0;
uint32 budget_event = 0;
Budget* budget = nullptr;

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
  if (!room)
    server->wanted_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kWantedMs);
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
  pg::RegisterShared({"altius connection budget", [] { return sizeof(Budget); }, TakeMemory, kTranche});
}

bool TakeBudget(Connection* connection) {
  if (!IsCounted(connection) || connection->budget != 0) return true;
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  Server* server = MakeServer(connection->host, connection->port);
  const bool granted = server == nullptr || server->count < Limit();
  if (server != nullptr && granted) {
    server->count++;
    connection->budget = static_cast<int>(server - budget->servers) + 1;
  }
  LWLockRelease(budget->lock);
  return granted;
}

void ReturnBudget(Connection* connection) {
  if (connection->budget == 0) return;
  LWLockAcquire(budget->lock, LW_EXCLUSIVE);
  Server* server = &budget->servers[connection->budget - 1];
  const bool waited_for = server->count-- >= Limit() || server->wanted_until != 0;
  LWLockRelease(budget->lock);
  connection->budget = 0;
  if (waited_for) ConditionVariableBroadcast(&budget->returned);
}

void AwaitBudget(const Connection* connection, TimestampTz* deadline) {
  if (*deadline == 0)
    *deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), connection_timeout_ms);
  CloseHalfOpen();
  ConditionVariablePrepareToSleep(&budget->returned);
  while (!HasRoom(connection)) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), *deadline);
    if (left <= 0) {
      ConditionVariableCancelSleep();
      ereport(ERROR, (errcode(ERRCODE_TOO_MANY_CONNECTIONS),
                      errmsg("there are too many connections from this node to node %s", connection->name),
                      errdetail("None of %d became free in citus.node_connection_timeout.", Limit()),
                      errhint("Raise citus.max_shared_pool_size, and max_connections on the node.")));
    }
    if (wait_hook != nullptr) wait_hook();
    ConditionVariableTimedSleep(&budget->returned, std::min(left, kNudgeMs),
                                pg::NamedWaitEvent(&budget_event, "AltiusConnectionBudget"));
  }
  ConditionVariableCancelSleep();
}

bool IsWanted(const Connection* connection) {
  if (connection->budget == 0) return false;
  const Server* server = &budget->servers[connection->budget - 1];
  return server->count >= Limit() && GetCurrentTimestamp() < server->wanted_until;
}

}  // namespace altius::remote
