// SPDX-License-Identifier: PostgreSQL
// Statements that are asked for here, one in another: what shards tell belongs to the innermost one.
#include "altius/pg/bridge.hpp"
#include "altius/remote/connection.hpp"
#include "changes.hpp"
#include "event_store.hpp"
#include "parts.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
}

namespace altius::trigger {

/// Lives in memory of the executor's.
class Statement final : public remote::EventSink {
 public:
  Statement(const void* owner, MemoryContext memory, Statement* outer)
      : owner_(owner), memory_(memory), outer_(outer), store_(memory) {}

  void Event(const char* text, int level) override { store_.Add(text, level); }

  void Change(const List* change) {
    const MemoryContext before = MemoryContextSwitchTo(memory_);
    changes_ = AddChange(changes_, change);
    MemoryContextSwitchTo(before);
  }

  EventStore* store() { return &store_; }
  List* changes() const { return changes_; }
  Statement* outer() const { return outer_; }

  const void* owner() const { return owner_; }

 private:
  const void* owner_;
  MemoryContext memory_;
  Statement* outer_;
  EventStore store_;
  List* changes_ = NIL;
};

namespace {

Statement* innermost = nullptr;

/// It and those within it are over.
void Leave(const Statement* statement) {
  for (const Statement* one = innermost; one != nullptr; one = one->outer()) {
    if (one != statement) continue;
    innermost = one->outer();
    remote::event_sink = innermost;
    remote::ForgetEventSink(statement);
    return;
  }
}

void OnReset(void* argument) { Leave(static_cast<Statement*>(argument)); }

void OnSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  const int level = GetCurrentTransactionNestLevel();
  for (Statement* one = innermost; one != nullptr; one = one->outer()) {
    if (event == SUBXACT_EVENT_ABORT_SUB) one->store()->Abort(level);
    if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) pg::Entry([&] { pg::Call([&] { one->store()->Commit(level); }); });
  }
}

}  // namespace

TupleDesc EventColumns() {
  static TupleDesc columns = nullptr;
  if (columns != nullptr) return columns;
  const MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
  TupleDesc made = CreateTemplateTupleDesc(1);
  TupleDescInitEntry(made, 1, "event", TEXTOID, -1, 0);
  MemoryContextSwitchTo(before);
  return columns = made;
}

Tuplestorestate* EventsOf(Statement* statement) { return statement->store()->events(); }
List* ChangesAnnounced(const Statement* statement) { return statement->changes(); }

bool AddHere(const char* event) {
  if (innermost == nullptr) return false;
  innermost->Event(event, GetCurrentTransactionNestLevel());
  return true;
}

const Bitmapset* ColumnsSet(Oid relid) {
  ListCell* cell;
  foreach (cell, innermost == nullptr ? NIL : innermost->changes()) {
    const Change change = ReadChange(static_cast<const List*>(lfirst(cell)));
    if (change.relid == relid) return change.columns;
  }
  return nullptr;
}

Statement* FindStatement(const void* owner) {
  for (Statement* one = innermost; one != nullptr; one = one->outer()) {
    if (one->owner() == owner) return one;
  }
  return nullptr;
}

Statement* InnermostStatement() { return innermost; }

Statement* BeginStatement(const void* owner, MemoryContext memory) {
  auto* statement = new (MemoryContextAlloc(memory, sizeof(Statement))) Statement(owner, memory, innermost);
  auto* callback = static_cast<MemoryContextCallback*>(MemoryContextAlloc(memory, sizeof(MemoryContextCallback)));
  callback->func = OnReset;
  callback->arg = statement;
  MemoryContextRegisterResetCallback(memory, callback);
  innermost = statement;
  remote::event_sink = statement;
  return statement;
}

void Announce(Statement* statement, List* changes) {
  List* fresh = NIL;  // several parts that do the same to a table are one statement to it
  ListCell* cell;
  foreach (cell, changes) {
    auto* change = static_cast<List*>(lfirst(cell));
    fresh = lappend(fresh, WithoutKnown(statement->changes(), change));
  }
  foreach (cell, changes) statement->Change(static_cast<List*>(lfirst(cell)));
  FireBeforeStatement(fresh);
}

void EndStatement(Statement* statement) {
  Leave(statement);
  if (EventsOf(statement) == nullptr && statement->changes() == NIL) return;
  FireAfter(statement);
  statement->store()->Forget();
}

void Init() {
  InitDeferred();
  RegisterSubXactCallback(OnSubtransaction, nullptr);
}

}  // namespace altius::trigger
