// SPDX-License-Identifier: PostgreSQL
#include "altius/task/checks.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/order/checks.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/array.hpp"
#include "altius/remote/connection.hpp"
#include "altius/task/errors.hpp"
#include "altius/txn/coordinated.hpp"
#include "kept_rows.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace altius::task {

namespace {

/// A node that was told to keep checks back.
struct Told {
  int group;
  uint64 owner;
  remote::Request* request;
  remote::Request* check;  // null: was not sent yet
};

/// A table, and whether it has constraints over several rows.
struct Known {
  Oid relid;
  bool constrained;
};

/// Of a user's statement.  In memory of the executor's.
struct Checks {
  const EState* statement;
  Checks* outer;
  MemoryContext memory;
  core::order::Checked what;
  bool here;  // this node keeps checks back for it
  pg::Array<Told> told;
  pg::Array<Known> known;
};

Checks* innermost = nullptr;

/// It and those within it are over.
void Leave(void* argument) {
  for (const Checks* one = innermost; one != nullptr; one = one->outer) {
    if (one != argument) continue;
    innermost = one->outer;
    return;
  }
}

Told* FindTold(const Checks* checks, int group) {
  for (Told& told : checks->told) {
    if (told.group == group) return &told;
  }
  return nullptr;
}

bool IsToldAround(const Checks* checks, int group) {
  for (const Checks* one = checks->outer; one != nullptr; one = one->outer) {
    if (FindTold(one, group) != nullptr) return true;
  }
  return false;
}

bool IsConstrained(Checks* checks, Oid relid) {
  for (const Known& known : checks->known) {
    if (known.relid == relid) return known.constrained;
  }
  const MemoryContext before = MemoryContextSwitchTo(checks->memory);
  checks->known.push_back({relid, HasConstraintsOverRows(relid)});
  MemoryContextSwitchTo(before);
  return checks->known.back().constrained;
}

bool AnyConstrained(Checks* checks, const List* tables) {
  ListCell* cell;
  foreach (cell, tables) {
    if (IsConstrained(checks, lfirst_oid(cell))) return true;
  }
  return tables == NIL;
}

bool KeepsBack(Checks* checks, bool within, const List* tables) {
  core::order::Checked what = checks->what;
  what.within = within;
  if (!core::order::KeepsChecksBack(what)) return false;
  what.constrained = AnyConstrained(checks, tables);
  return core::order::KeepsChecksBack(what);
}

remote::Request* Ask(const Told& told, const char* sql) {
  return remote::Send(txn::Enlist(told.group, txn::Access::Write, told.owner), {.sql = sql, .by_node = true}, nullptr);
}

/// What was told to a session that was lost since is told again.
void Tell(Checks* checks, int group, uint64 owner) {
  Told* told = FindTold(checks, group);
  if (told != nullptr && !told->request->failed && !remote::IsOfOldSession(told->request)) return;
  const MemoryContext before = MemoryContextSwitchTo(checks->memory);
  if (told == nullptr) {
    checks->told.push_back({group, owner, nullptr, nullptr});
    told = &checks->told.back();
  }
  told->check = nullptr;
  told->request = Ask(*told, "SELECT altius_internal.keep_checks_back()");
  MemoryContextSwitchTo(before);
}

void SendChecks(Checks* checks) {
  for (Told& told : checks->told) {
    if (told.check == nullptr) told.check = Ask(told, "SELECT altius_internal.check_now()");
  }
}

}  // namespace

void BeginChecks(const EState* statement, int modifications) {
  const MemoryContext memory = statement->es_query_cxt;
  auto* checks = new (MemoryContextAllocZero(memory, sizeof(Checks))) Checks{};
  checks->statement = statement;
  checks->outer = innermost;
  checks->memory = memory;
  checks->what.modifications = modifications;
  auto* callback = static_cast<MemoryContextCallback*>(MemoryContextAlloc(memory, sizeof(MemoryContextCallback)));
  callback->func = Leave;
  callback->arg = checks;
  MemoryContextRegisterResetCallback(memory, callback);
  innermost = checks;
}

/// The one that it stands for in the statement was counted.
void AddToChecks(int modifications) {
  if (innermost != nullptr) innermost->what.modifications += modifications - 1;
}

void ExpectMoreRows() {
  if (innermost != nullptr) innermost->what.rows_follow = true;
}

void ExpectMoves() {
  if (innermost != nullptr) innermost->what.moves = true;
}

void KeepChecksBack(int group, uint64 owner, const List* tables) {
  Checks* checks = innermost;
  if (checks == nullptr) return;
  if (group != catalog::LocalGroup()) {
    if (KeepsBack(checks, IsToldAround(checks, group), tables)) Tell(checks, group, owner);
  } else if (!checks->here && KeepsBack(checks, KeepsRows(), tables)) {
    BeginKeepingRows();
    checks->here = true;
  }
}

void CheckBehind() {
  Checks* checks = innermost;
  if (checks == nullptr || checks->what.modifications > 1) return;
  const MemoryContext before = MemoryContextSwitchTo(checks->memory);
  SendChecks(checks);
  MemoryContextSwitchTo(before);
}

void EndChecks(const EState* statement) {
  Checks* checks = innermost;
  if (checks == nullptr || checks->statement != statement) return;
  SendChecks(checks);
  pg::Array<remote::Request*> requests;
  for (const Told& told : checks->told) {
    requests.push_back(told.request);
    requests.push_back(told.check);
  }
  Leave(checks);
  if (checks->here) WithShardsHidden(nullptr, CheckKeptRows);
  remote::WaitAll(requests.data(), requests.size());
}

}  // namespace altius::task

/// keep_checks_back(): what the asking node's statements change from here on is checked by check_now().
ALTIUS_NODE_FUNCTION(altius_keep_checks_back) {
  altius::task::BeginKeepingRows();
  PG_RETURN_VOID();
}

/// check_now()
ALTIUS_NODE_FUNCTION(altius_check_now) {
  altius::task::CheckKeptRows();
  PG_RETURN_VOID();
}
