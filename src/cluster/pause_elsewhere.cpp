// SPDX-License-Identifier: PostgreSQL
#include "pause_elsewhere.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/route/book.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/remote/control.hpp"
#include "node_update.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/timestamp.h"
}

namespace altius::cluster {
namespace {

constexpr int kConnectTimeoutMs = 1000;  // a node that is down must not hold up a failover
constexpr int kMoreThanCooldownMs = 4000;
constexpr int kTellTimeoutMs = 2000;

/// A session on another node that pauses a group there.  Lives in TopTransactionContext.
struct Helper {
  Helper* next;
  int level;                       // transaction nesting level
  int group;                       // that is paused
  remote::Connection* connection;  // null: given back
  remote::Request* request;        // null: not connected yet
};

struct Message {
  Message* next;
  int level;
  char* sql;
};

Helper* helpers = nullptr;
Message* messages = nullptr;  // the first one first

TimestampTz In(int ms) { return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms); }

bool IsPausedElsewhere(int group) {
  for (const Helper* helper = helpers; helper != nullptr; helper = helper->next)
    if (helper->group == group) return true;
  return false;
}

void Dismiss(Helper* helper) {
  if (helper->connection == nullptr) return;
  if (!remote::IsIdle(helper->connection)) (void)remote::SendCancel(helper->connection);
  remote::GiveBack(helper->connection);
  helper->connection = nullptr;
}

void AddHelper(int group, int node_group) {
  auto* helper =
      static_cast<Helper*>(MemoryContextAllocZero(TopTransactionContext, sizeof(Helper)));
  helper->level = GetCurrentTransactionNestLevel();
  helper->group = group;
  helper->connection = remote::StartOwnConnection(node_group);
  helper->next = helpers;
  helpers = helper;
}

void Ask(Helper* helper, const char* sql, TimestampTz deadline) {
  if (!remote::FinishOwnConnection(helper->connection, deadline)) {
    Dismiss(helper);
    return;
  }
  MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
  remote::QueueHidden(helper->connection, "BEGIN");
  remote::StatementText statement;
  statement.sql = sql;
  helper->request = remote::Send(helper->connection, statement, nullptr);
  MemoryContextSwitchTo(before);
}

void Tell() {
  for (const Helper* helper = helpers; helper != nullptr; helper = helper->next) {
    if (helper->connection == nullptr) continue;
    for (const Message* message = messages; message != nullptr; message = message->next)
      remote::SendCommand(helper->connection, message->sql);
    remote::SendCommand(helper->connection, "COMMIT");
  }
  const TimestampTz deadline = In(kTellTimeoutMs);
  for (const Helper* helper = helpers; helper != nullptr; helper = helper->next)
    if (helper->connection != nullptr) remote::DrainUntil(helper->connection, deadline);
}

void DismissFrom(int level) {
  for (; helpers != nullptr && helpers->level >= level; helpers = helpers->next) Dismiss(helpers);
}

void EndTransaction(bool committed) {
  if (committed && helpers != nullptr) Tell();
  DismissFrom(0);
  messages = nullptr;
  EndAddressChanges(committed);
}

/// What happens here raises nothing: the outcome is decided.
void OnTransaction(XactEvent event, void*) {
  const bool committed = event == XACT_EVENT_COMMIT;
  if (!committed && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
  try {
    pg::Call([&] { EndTransaction(committed); });
  } catch (...) {
    helpers = nullptr;
    messages = nullptr;
  }
}

void EndSubtransaction(int level, bool committed) {
  EndAddressChangesOf(level, committed);
  if (!committed) {
    DismissFrom(level);
    Message** link = &messages;
    while (*link != nullptr && (*link)->level < level) link = &(*link)->next;
    *link = nullptr;
    return;
  }
  for (Helper* helper = helpers; helper != nullptr; helper = helper->next)
    helper->level = std::min(helper->level, level - 1);
  for (Message* message = messages; message != nullptr; message = message->next)
    message->level = std::min(message->level, level - 1);
}

void OnSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB) return;
  pg::Entry([&] {
    EndSubtransaction(GetCurrentTransactionNestLevel(), event == SUBXACT_EVENT_COMMIT_SUB);
  });
}

}  // namespace

void StartPauseElsewhere(int group, bool force, int cooldown_ms) {
  if (IsPausedElsewhere(group)) return;
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group == catalog::LocalGroup() || node->group == group) continue;
    if (!core::IsNobody(node->host)) AddHelper(group, node->group);
  }
  const char* sql = psprintf("SELECT altius_internal.pause_group(%d, %s, %d)", group,
                             force ? "true" : "false", cooldown_ms);
  const TimestampTz deadline = In(kConnectTimeoutMs);
  for (Helper* helper = helpers; helper != nullptr; helper = helper->next)
    if (helper->group == group && helper->request == nullptr) Ask(helper, sql, deadline);
}

void FinishPauseElsewhere(int group, int cooldown_ms) {
  const TimestampTz deadline = In(cooldown_ms + kMoreThanCooldownMs);
  for (Helper* helper = helpers; helper != nullptr; helper = helper->next) {
    if (helper->group != group || helper->connection == nullptr) continue;
    if (!remote::WaitBounded(helper->request, deadline) || helper->request->failed) Dismiss(helper);
  }
}

void TellLater(const char* sql) {
  auto* message = static_cast<Message*>(MemoryContextAlloc(TopTransactionContext, sizeof(Message)));
  *message = {nullptr, GetCurrentTransactionNestLevel(),
              MemoryContextStrdup(TopTransactionContext, sql)};
  Message** link = &messages;
  while (*link != nullptr) link = &(*link)->next;
  *link = message;
}

void WatchTransactionEnds() {
  RegisterXactCallback(OnTransaction, nullptr);
  RegisterSubXactCallback(OnSubtransaction, nullptr);
}

}  // namespace altius::cluster
