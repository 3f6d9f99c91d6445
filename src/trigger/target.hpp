// SPDX-License-Identifier: PostgreSQL
// The table whose triggers fire, and its rows as shards have told them.
#pragma once

#include "altius/pg/bridge.hpp"
#include "parts.hpp"

namespace altius::trigger {

struct Target {
  Oid relid;
  Relation relation;
  TriggerDesc* triggers;  // a copy: the relation's own may be made anew while one fires
  FmgrInfo input;  // of the table's row type
  Oid input_param;
  Caller* caller;
  List* transitions;  // of TransitionTable *: read from the statement's events once, for all calls
};

Target* OpenTarget(Oid relid);
void CloseTarget(Target* target);

/// The table that the event is about; invalid when it is of a copy that does not count, or the table is gone.
Oid TableOfEvent(const core::TriggerEvent& event);

/// The old and the new row.
void AddRows(Target* target, const core::TriggerEvent& event, TriggerData* data);
void EndRows(TriggerData* data);

/// The transition tables that the trigger names, of the statement's events (null: there were none).  They are the target's.
void AddTransitionTables(Target* target, Tuplestorestate* events, TriggerData* data);

/// `use` is plain C.
template <typename Use>
void ReadEvent(const char* text, Use&& use) {
  pg::Entry([&] {
    const std::optional<core::TriggerEvent> event = core::EventOfText(text);
    pg::Call([&] {
      if (!event.has_value()) elog(ERROR, "a trigger's event is broken: \"%s\"", text);
      use(*event);
    });
  });
}

}  // namespace altius::trigger
