// SPDX-License-Identifier: PostgreSQL
// Constraint triggers that wait for the end of the transaction, or for SET CONSTRAINTS.
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "parts.hpp"

extern "C" {
#include "access/xact.h"
}

namespace altius::trigger {

namespace {

/// Memory of the transaction's.  Levels are of nested transactions: what one did is undone with it.
struct Waiting {
  char* text;
  Oid constraint;
  bool initially;
  int level;  // at which it came
  int fired;  // at which it fired; 0: it waits
};

struct Mode {
  Oid constraint;  // InvalidOid: all
  bool deferred;
  int level;
};

struct Transaction {
  pg::Array<Waiting> waiting;
  pg::Array<Mode> modes;
};

Transaction* current = nullptr;

Transaction* Current() {
  if (current != nullptr) return current;
  current = new (MemoryContextAllocZero(TopTransactionContext, sizeof(Transaction))) Transaction{};
  return current;
}

/// As SET CONSTRAINTS said last.
bool IsDeferred(Oid constraint, bool initially) {
  bool deferred = initially;
  if (current == nullptr) return deferred;
  for (const Mode& mode : current->modes) {
    if (!OidIsValid(mode.constraint) || mode.constraint == constraint) deferred = mode.deferred;
  }
  return deferred;
}

template <typename Array, typename Item>
void Add(Array* array, const Item& item) {
  const MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
  array->push_back(item);
  MemoryContextSwitchTo(before);
}

struct Turn {
  bool all;
  int at;
  bool any;
};

/// The next that waits and is not deferred (any more), or whatever it is.
const char* NextWaiting(void* context) {
  auto* turn = static_cast<Turn*>(context);
  for (; current != nullptr && turn->at < current->waiting.size(); turn->at++) {
    Waiting* event = &current->waiting[turn->at];
    if (event->fired != 0 || (!turn->all && IsDeferred(event->constraint, event->initially))) continue;
    event->fired = GetCurrentTransactionNestLevel();
    turn->any = true;
    return event->text;
  }
  return nullptr;
}

/// In their order.  False: there was none.
bool FireWaiting(bool all) {
  if (current == nullptr) return false;
  Turn turn = {all, 0, false};
  FireDeferred(NextWaiting, &turn);
  return turn.any;
}

/// Triggers may make others wait, of tables that are not distributed, too.
void FireAll() {
  while (FireWaiting(true)) AfterTriggerFireDeferred();
}

void OnTransaction(XactEvent event, void*) {
  if (current == nullptr) return;
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    pg::Entry([] { FireAll(); });
  } else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) {
    current = nullptr;  // its memory goes
  }
}

void Undo(int level) {
  int kept = 0;
  for (const Waiting& event : current->waiting) {
    if (event.level >= level) continue;
    current->waiting[kept] = event;
    if (event.fired >= level) current->waiting[kept].fired = 0;
    kept++;
  }
  while (current->waiting.size() > kept) current->waiting.pop_back();
  while (!current->modes.empty() && current->modes.back().level >= level) current->modes.pop_back();
}

void HandUp(int level) {
  for (Waiting& event : current->waiting) {
    event.level = std::min(event.level, level - 1);
    event.fired = std::min(event.fired, level - 1);
  }
  for (Mode& mode : current->modes) mode.level = std::min(mode.level, level - 1);
}

void OnSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (current == nullptr) return;
  const int level = GetCurrentTransactionNestLevel();
  if (event == SUBXACT_EVENT_ABORT_SUB) Undo(level);
  if (event == SUBXACT_EVENT_COMMIT_SUB) HandUp(level);
}

}  // namespace

bool Defer(const Trigger& trigger, const char* event) {
  if (!trigger.tgdeferrable || !IsDeferred(trigger.tgconstraint, trigger.tginitdeferred)) return false;
  Transaction* transaction = Current();
  Add(&transaction->waiting,
      Waiting{.text = MemoryContextStrdup(TopTransactionContext, event),
              .constraint = trigger.tgconstraint,
              .initially = trigger.tginitdeferred,
              .level = GetCurrentTransactionNestLevel(),
              .fired = 0});
  return true;
}

void SetConstraints(List* constraints, bool deferred) {
  Transaction* transaction = Current();
  const int level = GetCurrentTransactionNestLevel();
  if (constraints == NIL) Add(&transaction->modes, Mode{InvalidOid, deferred, level});
  ListCell* cell;
  foreach (cell, constraints) Add(&transaction->modes, Mode{lfirst_oid(cell), deferred, level});
  if (!deferred) (void)FireWaiting(false);
}

void InitDeferred() {
  RegisterXactCallback(OnTransaction, nullptr);
  RegisterSubXactCallback(OnSubtransaction, nullptr);
}

}  // namespace altius::trigger
