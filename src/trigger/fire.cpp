// SPDX-License-Identifier: PostgreSQL
// Triggers fire on the node that was asked, for the table that was named: as if the rows had lain here.
#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "changes.hpp"
#include "parts.hpp"
#include "target.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/xact.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
}

namespace altius::trigger {

bool IsOfColumns(const Trigger& trigger, const Bitmapset* columns) {
  if (trigger.tgnattr == 0) return true;
  for (int i = 0; i < trigger.tgnattr; i++) {
    if (bms_is_member(trigger.tgattr[i], columns)) return true;
  }
  return false;
}

Bitmapset* AsAttributes(const Bitmapset* columns) {
  Bitmapset* attributes = nullptr;
  for (int column = -1; (column = bms_next_member(columns, column)) >= 0;)
    attributes = bms_add_member(attributes, column - FirstLowInvalidHeapAttributeNumber);
  return attributes;
}

namespace {

/// Conditions of triggers for statements name no row.
bool Passes(const Trigger& trigger, EState* estate) {
  if (trigger.tgqual == nullptr) return true;
  auto* condition = static_cast<Expr*>(stringToNode(trigger.tgqual));
  ExprState* state = ExecPrepareQual(make_ands_implicit(condition), estate);
  return ExecQual(state, GetPerTupleExprContext(estate));
}

struct Kind {
  int bit;
  int16 type;
  TriggerEvent event;
};

/// In the order in which BEFORE triggers of one statement fire; AFTER triggers fire the other way round.
constexpr Kind kKinds[] = {
    {kInserts, TRIGGER_TYPE_INSERT, TRIGGER_EVENT_INSERT},
    {kUpdates, TRIGGER_TYPE_UPDATE, TRIGGER_EVENT_UPDATE},
    {kDeletes, TRIGGER_TYPE_DELETE, TRIGGER_EVENT_DELETE},
};

bool FiresFor(const Trigger& trigger, const Kind& kind, const Change& change, int16 timing) {
  return TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_STATEMENT, timing, kind.type) && IsEnabled(trigger) &&
         (kind.bit != kUpdates || IsOfColumns(trigger, change.columns));
}

/// The triggers of the table for one kind of change.  `events` has the rows of transition tables; null before the statement.
void FireForStatement(const Change& change, const Kind& kind, int16 timing, Tuplestorestate* events) {
  Target* target = OpenTarget(change.relid);
  const TriggerDesc* triggers = target->triggers;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    Trigger& trigger = triggers->triggers[i];
    if (!FiresFor(trigger, kind, change, timing) || !Passes(trigger, target->caller->estate)) continue;
    TriggerData data = {};
    data.type = T_TriggerData;
    data.tg_event = kind.event | (timing == TRIGGER_TYPE_BEFORE ? TRIGGER_EVENT_BEFORE : TRIGGER_EVENT_AFTER);
    data.tg_relation = target->relation;
    data.tg_trigger = &trigger;
    data.tg_updatedcols = kind.bit == kUpdates ? AsAttributes(change.columns) : nullptr;
    if (events != nullptr || timing == TRIGGER_TYPE_AFTER) AddTransitionTables(target, events, &data);
    const bool returned = CallTrigger(target->caller, &data);
    if (returned && timing == TRIGGER_TYPE_BEFORE)
      ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                      errmsg("BEFORE STATEMENT trigger cannot return a value")));
  }
  CloseTarget(target);
}

void FireForStatements(List* changes, int16 timing, Tuplestorestate* events) {
  ListCell* cell;
  foreach (cell, changes) {
    const Change change = ReadChange(static_cast<List*>(lfirst(cell)));
    const int count = lengthof(kKinds);
    for (int i = 0; i < count; i++) {
      const Kind& kind = kKinds[timing == TRIGGER_TYPE_BEFORE ? i : count - 1 - i];
      if ((change.kinds & kind.bit) != 0) FireForStatement(change, kind, timing, events);
    }
  }
}

/// The event's trigger fires now, or is put off.
void FireEvent(const core::TriggerEvent& event, const char* text, Target* target, Tuplestorestate* events, bool now) {
  const Trigger* found = TriggerNamed(target->triggers, event.trigger.c_str());
  if (found == nullptr || (!now && !IsEnabled(*found))) return;  // not any more
  if (!now && Defer(*found, text)) return;
  Trigger trigger = *found;
  TriggerData data = {};
  data.type = T_TriggerData;
  data.tg_event = event.event;
  data.tg_relation = target->relation;
  data.tg_trigger = &trigger;
  if (event.part == core::EventPart::Row) AddRows(target, event, &data);
  if (events != nullptr) AddTransitionTables(target, events, &data);
  (void)CallTrigger(target->caller, &data);
  EndRows(&data);
}

/// Shards of several tables may be concerned, one after the other.
class Targets {
 public:
  Target* Of(const core::TriggerEvent& event) {
    const Oid relid = TableOfEvent(event);
    if (!OidIsValid(relid)) return nullptr;
    if (target_ != nullptr && target_->relid == relid) return target_;
    Close();
    return target_ = OpenTarget(relid);
  }
  void Close() {
    if (target_ != nullptr) CloseTarget(target_);
    target_ = nullptr;
  }

 private:
  Target* target_ = nullptr;
};

/// A trigger for statements that an action of a foreign key has set off.
struct Action {
  Oid relid;
  uint32 kind;
  char* text;
};

int BitOf(uint32 event) {
  for (const Kind& kind : kKinds) {
    if (kind.event == (event & TRIGGER_EVENT_OPMASK)) return kind.bit;
  }
  return 0;
}

/// Whether the statement says itself that it does this.
bool IsAnnounced(List* changes, Oid relid, uint32 event) {
  ListCell* cell;
  foreach (cell, changes) {
    const auto* change = static_cast<const List*>(lfirst(cell));
    if (static_cast<Oid>(linitial_int(change)) == relid && (lsecond_int(change) & BitOf(event)) != 0) return true;
  }
  return false;
}

void NoteAction(pg::Array<Action>* actions, Oid relid, const core::TriggerEvent& event, const char* told) {
  for (const Action& action : *actions) {
    const bool same = action.relid == relid && action.kind == (event.event & TRIGGER_EVENT_OPMASK);
    bool same_trigger = false;
    if (same) ReadEvent(action.text, [&](const core::TriggerEvent& other) { same_trigger = other.trigger == event.trigger; });
    if (same_trigger) return;
  }
  actions->push_back({relid, event.event & TRIGGER_EVENT_OPMASK, pstrdup(told)});
}

void FireActions(const pg::Array<Action>& actions, Tuplestorestate* events) {
  for (const Action& action : actions) {
    Target* target = OpenTarget(action.relid);
    ReadEvent(action.text, [&](const core::TriggerEvent& event) { FireEvent(event, action.text, target, events, true); });
    CloseTarget(target);
  }
}

void FireRows(Tuplestorestate* events, List* changes) {
  pg::Array<Action> actions;
  TupleTableSlot* slot = MakeSingleTupleTableSlot(EventColumns(), &TTSOpsMinimalTuple);
  const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "altius trigger", ALLOCSET_DEFAULT_SIZES);
  Targets targets;
  const int reader = tuplestore_alloc_read_pointer(events, EXEC_FLAG_REWIND);
  for (;;) {
    // Transition tables are read from the same store meanwhile.
    tuplestore_select_read_pointer(events, reader);
    if (!tuplestore_gettupleslot(events, true, true, slot)) break;
    bool null;
    char* told = TextDatumGetCString(slot_getattr(slot, 1, &null));
    ReadEvent(told, [&](const core::TriggerEvent& event) {
      if (event.part == core::EventPart::OldTable || event.part == core::EventPart::NewTable) return;
      Target* target = targets.Of(event);
      if (target == nullptr) return;
      if (event.part == core::EventPart::Statement) {
        if (!IsAnnounced(changes, target->relid, event.event)) NoteAction(&actions, target->relid, event, told);
        return;
      }
      const MemoryContext before = MemoryContextSwitchTo(memory);
      FireEvent(event, told, target, events, false);
      MemoryContextSwitchTo(before);
    });
    MemoryContextReset(memory);
    pfree(told);
  }
  targets.Close();
  FireActions(actions, events);
  MemoryContextDelete(memory);
  ExecDropSingleTupleTableSlot(slot);
}

}  // namespace

void FireBeforeStatement(List* changes) { FireForStatements(changes, TRIGGER_TYPE_BEFORE, nullptr); }

void FireAfter(Statement* statement) {
  // What the statement did is seen by its triggers.
  CommandCounterIncrement();
  if (EventsOf(statement) != nullptr) FireRows(EventsOf(statement), ChangesAnnounced(statement));
  FireForStatements(ChangesAnnounced(statement), TRIGGER_TYPE_AFTER, EventsOf(statement));
}

void FireDeferred(const char* (*next)(void*), void* context) {
  const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "altius deferred trigger", ALLOCSET_DEFAULT_SIZES);
  Targets targets;
  while (const char* text = next(context)) {
    PushActiveSnapshot(GetTransactionSnapshot());
    ReadEvent(text, [&](const core::TriggerEvent& event) {
      Target* target = targets.Of(event);
      if (target == nullptr) return;
      const MemoryContext before = MemoryContextSwitchTo(memory);
      FireEvent(event, text, target, nullptr, true);
      MemoryContextSwitchTo(before);
    });
    MemoryContextReset(memory);
    PopActiveSnapshot();
    CommandCounterIncrement();
  }
  targets.Close();
  MemoryContextDelete(memory);
}

}  // namespace altius::trigger
