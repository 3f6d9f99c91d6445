// SPDX-License-Identifier: PostgreSQL
// What the files of this folder share.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/core/trigger/event.hpp"
#include "altius/trigger/trigger.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
}

namespace altius::trigger {

/// --- statement.cpp ---
/// Adds to the statement that is being asked for here now; false when there is none.
bool AddHere(const char* event);
/// The statement's events, each the text of a core::TriggerEvent.
Tuplestorestate* EventsOf(Statement* statement);
List* ChangesAnnounced(const Statement* statement);
/// A tuple of the store of events.
TupleDesc EventColumns();

/// The columns that the statement which is being asked for sets in the table.
const Bitmapset* ColumnsSet(Oid relid);

/// --- fire.cpp ---
bool IsOfColumns(const Trigger& trigger, const Bitmapset* columns);
/// Columns as the executor numbers them in sets.
Bitmapset* AsAttributes(const Bitmapset* columns);
void FireBeforeStatement(List* changes);
void FireAfter(Statement* statement);
/// Events that were put off, each the text of a core::TriggerEvent, until `next` gives null.
void FireDeferred(const char* (*next)(void* context), void* context);

/// --- call.cpp ---
/// What calls of triggers of one table need, made once.
struct Caller {
  EState* estate;
  TupleTableSlot* nulls;
  List* triggers;  // of oid, those called
  List* functions; // of FmgrInfo *, theirs
};
Caller* MakeCaller(Relation relation);
void EndCaller(Caller* caller);

/// Calls the trigger's function one level deeper, as pg_trigger_depth() counts; whether it returns a row, and which.
bool CallTrigger(Caller* caller, TriggerData* data, HeapTuple* result = nullptr);
const Trigger* TriggerNamed(const TriggerDesc* triggers, const char* name);
bool IsEnabled(const Trigger& trigger);

/// --- deferred.cpp ---
/// True when the trigger is a deferred constraint: the event is kept until the end of the transaction.
bool Defer(const Trigger& trigger, const char* event);
void InitDeferred();

}  // namespace altius::trigger
