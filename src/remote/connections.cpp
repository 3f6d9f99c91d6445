// SPDX-License-Identifier: PostgreSQL
// The backend's connections: found by group or address and who logs in, opened when missing, replaced when
// the group has moved.
#include "budget.hpp"
#include "decided.hpp"
#include "role.hpp"
#include "session_settings.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/settings.hpp"
#include "altius/remote/lead.hpp"
#include "altius/remote/pause.hpp"

#include <sys/socket.h>

#include <cerrno>

extern "C" {
#include "access/xact.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"
#include "utils/guc.h"
}

namespace altius::remote {

void (*wait_hook)() = nullptr;

namespace {

constexpr const char* kBudgetSpent = "This node has citus.max_shared_pool_size connections there.";

Connection** connections = nullptr;
int connection_count = 0;
int connection_capacity = 0;

/// At exit: what still runs on nodes for nobody is cancelled, and the nodes see the sockets close.
void CloseAll(int, Datum) {
  for (int i = 0; i < connection_count; i++) {
    Connection* connection = connections[i];
    const bool busy = connection->count > 0 || connection->in_copy;
    if (connection->state == State::Ready && busy) (void)SendCancel(connection);
    if (connection->pg != nullptr) PQfinish(connection->pg);
    ReturnBudget(connection);
    connection->pg = nullptr;
    connection->state = State::Broken;
    connection->count = 0;
  }
  connection_count = 0;
}

Connection* NewConnection(int group, bool separate, const Address& address, const char* user) {
  static bool registered = false;
  if (!registered) {
    before_shmem_exit(CloseAll, 0);
    WatchSchema();
  }
  registered = true;
  if (connection_count == connection_capacity) {
    const int capacity = connection_capacity == 0 ? 16 : connection_capacity * 2;
    Connection** grown = static_cast<Connection**>(
        MemoryContextAlloc(TopMemoryContext, sizeof(Connection*) * capacity));
    for (int i = 0; i < connection_count; i++) grown[i] = connections[i];
    if (connections != nullptr) pfree(connections);
    connections = grown;
    connection_capacity = capacity;
  }
  Connection* connection =
      static_cast<Connection*>(MemoryContextAllocZero(TopMemoryContext, sizeof(Connection)));
  connection->group = group;
  connection->separate = separate;
  connection->host = MemoryContextStrdup(TopMemoryContext, address.host);
  connection->port = address.port;
  connection->node_id = address.node_id;
  strlcpy(connection->user, user, sizeof(connection->user));
  snprintf(connection->name, sizeof(connection->name), "%s:%d", address.host, address.port);
  connections[connection_count++] = connection;
  return connection;
}

Connection* FindByGroup(int group, bool separate) {
  const Oid user = separate ? GetUserId() : LoginOfSession();
  for (int i = 0; i < connection_count; i++) {
    Connection* connection = connections[i];
    if (connection->group == group && connection->separate == separate && !connection->own &&
        !connection->standby && connection->user_id == user) {
      return connection;
    }
  }
  return nullptr;
}

/// Whether the node has hung up.  It may have said why before: that is read, and the end looked for
/// behind it.
bool HasHungUp(const Connection* connection) {
  constexpr int kMostMessages = 8;
  for (int i = 0; i < kMostMessages; i++) {
    char byte;
    const ssize_t got = recv(PQsocket(connection->pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return false;
    if (got <= 0 || PQconsumeInput(connection->pg) == 0) return true;
  }
  return PQstatus(connection->pg) == CONNECTION_BAD;
}

/// Once a transaction: whether the node hung up while the connection was idle.
void CheckAlive(Connection* connection) {
  const TimestampTz now = GetCurrentTransactionStartTimestamp();
  if (connection->checked == now) return;
  connection->checked = now;
  if (connection->state == State::Broken) Close(connection, "it was lost before");
  if (connection->state != State::Ready || connection->count > 0) return;
  if (HasHungUp(connection)) {
    CloseQuietly(connection);
    connection->state = State::Closed;
  }
}

/// Starts over when it is closed; a broken one that takes part in a transaction stays broken.
void Prepare(Connection* connection) {
  if (connection->pinned) return;
  if (connection->group >= 0 && !connection->standby) FollowAddress(connection);
  if (connection->state != State::Connecting) CheckAlive(connection);
  const bool stale =
      connection->state == State::Connecting && GetCurrentTimestamp() > connection->give_up;
  if (connection->state == State::Broken || stale) {
    CloseQuietly(connection);
    connection->state = State::Closed;
  }
  const bool wanted = connection->unusable == nullptr || connection->ahead;
  if (connection->state == State::Closed && wanted && TakeBudget(connection)) StartOpening(connection);
}

/// Null when the connection may be used.
const char* Finish(Connection* connection, bool* may_recover) {
  *may_recover = true;
  if (connection->state == State::Connecting) {
    const char* reason = FinishOpening(connection, may_recover);
    *may_recover = *may_recover || connection->ahead;  // nobody has said yet that it is the right one
    if (reason != nullptr) return reason;
  }
  if (connection->state == State::Closed && connection->unusable == nullptr) return kBudgetSpent;
  return connection->unusable;
}

[[noreturn]] void RaiseNotReached(const Connection* connection, const char* reason) {
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("could not connect to node %s", connection->name),
                  errdetail_internal("%s", reason)));
  pg_unreachable();
}

Connection* Start(int group, bool separate) {
  Connection* connection = FindByGroup(group, separate);
  if (connection == nullptr) {
    const Oid user = separate ? GetUserId() : LoginOfSession();
    connection = NewConnection(group, separate, AddressOfGroup(group), GetUserNameFromId(user, false));
    connection->user_id = user;
    connection->follows_role = !separate && user == GetAuthenticatedUserId();
    JoinUsers();
  }
  Prepare(connection);
  return connection;
}

/// Nobody waits longer for a silent server than for its successor.
void BoundOpening(Connection* connection, const Hold& hold) {
  if (connection->state != State::Connecting) return;
  TimestampTz limit = hold.deadline;
  if (limit == 0 && failover_timeout_ms > 0)
    limit = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), failover_timeout_ms);
  if (limit != 0) connection->give_up = std::min(connection->give_up, limit);
}

/// Tries until the node is there, at the address that it has then.
Connection* Reach(int group, bool separate) {
  Hold hold;
  TimestampTz room_deadline = 0;
  const char* why = nullptr;
  for (;;) {
    if (!separate) TakeGroup(group);
    Connection* connection = Start(group, separate);
    BoundOpening(connection, hold);
    bool may_recover;
    const char* reason = Finish(connection, &may_recover);
    if (reason == nullptr) return connection;
    if (!separate) LeaveGroup(group);  // whoever changes the address must not wait for us
    if (reason == kBudgetSpent) {
      AwaitBudget(connection, &room_deadline);
      continue;
    }
    // The last attempt may be cut short: what an earlier one met says more.
    if (why == nullptr || hold.deadline == 0 || GetCurrentTimestamp() < hold.deadline) why = reason;
    if (!may_recover || !WaitForChange(group, &hold)) RaiseNotReached(connection, why);
  }
}

}  // namespace

Connection* ConnectionTo(int group) {
  Connection* connection = FindByGroup(group, false);
  if (connection != nullptr && connection->pinned) return connection;
  uint64 seen = 0;
  PassGate(group, connection != nullptr ? &connection->gate_checked : &seen);
  return Reach(group, false);
}

Connection* SeparateConnectionTo(int group) { return Reach(group, true); }

namespace {

/// This server may not be registered (a coordinator without shards).
bool IsRegistered(int group) {
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group == group) return true;
  }
  return false;
}

Address AddressToUse(int* group) {
  if (*group != catalog::LocalGroup() || IsRegistered(*group)) return AddressOfGroup(*group);
  *group = -1;
  return Address{pg::settings::local_hostname, PostPortNumber, 0};
}

Connection* TryFinish(Connection* connection) {
  bool may_recover;
  const char* reason = Finish(connection, &may_recover);
  if (reason != nullptr) elog(DEBUG1, "could not connect to node %s: %s", connection->name, reason);
  return reason == nullptr ? connection : nullptr;
}

/// One that was given back is used again: requests that still know it must find it.
Connection* FindGivenBack() {
  for (int i = 0; i < connection_count; i++) {
    Connection* connection = connections[i];
    if (connection->own && connection->state == State::Closed) return connection;
  }
  return nullptr;
}

}  // namespace

Connection* StartOwnConnection(int group) {
  const Address address = AddressToUse(&group);
  const char* user = GetUserNameFromId(GetUserId(), false);
  Connection* connection = FindGivenBack();
  if (connection == nullptr) {
    connection = NewConnection(group, true, address, user);
    connection->own = true;
  } else {
    TakeAddress(connection, address);
    connection->node_id = address.node_id;
    connection->group = group;
    strlcpy(connection->user, user, sizeof(connection->user));
  }
  connection->user_id = GetUserId();
  GroupEntry entry;
  connection->version_seen = BookVersion();
  connection->generation = group >= 0 && Lookup(group, &entry) ? entry.generation : 0;
  if (core::IsNobody(connection->host)) RaiseNotReached(connection, kDemoted);
  StartOpening(connection);
  return connection;
}

Connection* OwnConnectionTo(int group) {
  Connection* connection = StartOwnConnection(group);
  bool may_recover;
  const char* reason = Finish(connection, &may_recover);
  if (reason != nullptr) RaiseNotReached(connection, reason);
  return connection;
}

bool FinishOwnConnection(Connection* connection, TimestampTz deadline) {
  connection->give_up = std::min(connection->give_up, deadline);
  return TryFinish(connection) != nullptr;
}

void GiveBack(Connection* connection) {
  Close(connection, "it was given back");
  CloseQuietly(connection);
  connection->state = State::Closed;
}

void OpenSeparateAhead(const int* groups, int count) {
  for (int i = 0; i < count; i++) Start(groups[i], true);
}

namespace {

Connection* StartAddress(const char* host, int port, const char* user) {
  Connection* found = nullptr;
  for (int i = 0; i < connection_count && found == nullptr; i++) {
    Connection* connection = connections[i];
    if (connection->group == -1 && !connection->own && connection->port == port &&
        strcmp(connection->host, host) == 0 && strcmp(connection->user, user) == 0) {
      found = connection;
    }
  }
  if (found == nullptr) found = NewConnection(-1, false, Address{host, port, 0}, user);
  found->unusable = core::IsNobody(host) ? kDemoted : nullptr;
  Prepare(found);
  return found;
}

}  // namespace

namespace {

Connection* FindStandby(int group, const Address& address) {
  for (int i = 0; i < connection_count; i++) {
    Connection* connection = connections[i];
    if (connection->standby && connection->group == group && connection->port == address.port &&
        strcmp(connection->host, address.host) == 0 && connection->user_id == LoginOfSession())
      return connection;
  }
  return nullptr;
}

Connection* TryWithin(Connection* connection, int ms) {
  if (connection->state == State::Connecting) {
    connection->give_up =
        std::min(connection->give_up, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms));
  }
  Connection* done = TryFinish(connection);
  return done != nullptr && done->state == State::Ready ? done : nullptr;
}

}  // namespace

Connection* PrimaryWithin(int group, int ms) { return TryWithin(Start(group, false), ms); }

Connection* StandbyWithin(int group, const Address& address, int ms) {
  Connection* connection = FindStandby(group, address);
  if (connection == nullptr) {
    const Oid user = LoginOfSession();
    connection = NewConnection(group, false, address, GetUserNameFromId(user, false));
    connection->standby = true;
    connection->user_id = user;
    connection->follows_role = user == GetAuthenticatedUserId();
    JoinUsers();
  }
  Prepare(connection);
  return TryWithin(connection, ms);
}

void CheckStandby(Connection* connection) {
  if (!connection->pinned && connection->state == State::Ready) CheckAlive(connection);
}

Connection* TrySeparateConnectionTo(int group) { return TryFinish(Start(group, true)); }

Connection* TryConnectionToAddress(const char* host, int port, const char* user) {
  return TryFinish(StartAddress(host, port, user));
}

Connection* ConnectionToAddress(const char* host, int port, const char* user) {
  Connection* connection = StartAddress(host, port, user);
  bool may_recover;
  const char* reason = Finish(connection, &may_recover);
  if (reason != nullptr) RaiseNotReached(connection, reason);
  return connection;
}

void OpenAhead(const int* groups, int count) {
  for (int i = 0; i < count; i++) Start(groups[i], false);
  for (int i = 0; i < connection_count; i++) SayFirst(connections[i]);
}

int GroupOf(const Connection* connection) { return connection->group; }
const char* NameOf(const Connection* connection) { return connection->name; }
bool IsBroken(const Connection* connection) { return connection->state == State::Broken; }
int ConnectionCount() { return connection_count; }
Connection* ConnectionAt(int index) { return connections[index]; }
void*& Attachment(Connection* connection) { return connection->attachment; }
void Pin(Connection* connection, bool pinned) { connection->pinned = pinned; }
int ServerVersion(const Connection* connection) {
  return connection->pg == nullptr ? 0 : PQserverVersion(connection->pg);
}

bool HasLeft(const Connection* connection) {
  if (connection->state == State::Broken) return true;
  return connection->state == State::Ready && connection->count == 0 && HasHungUp(connection);
}

void Close(Connection* connection, const char* reason) {
  if (connection->state == State::Ready && connection->count > 0) MarkBroken(connection, reason);
  CloseQuietly(connection);
}

void Init() {
  DefineSettings();
  DefineStandbySettings();
  InitBudgetMemory();
  InitBookMemory();
  InitLeadMemory();
  InitSessionSettings();
  InitActing();
  InitDecided();
}

}  // namespace altius::remote
