// SPDX-License-Identifier: PostgreSQL
// Deferred triggers run when the transaction ends, outside of any statement for which the path would be set (users_path.hpp): they
// are called on it one by one.  On the way it is noted which functions stand between such a trigger and the user: within one that
// runs as its owner, or sets a path, triggers see that function's path, not the user's.
#include "altius/task/users_path.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
}

namespace altius::task {

namespace {

needs_fmgr_hook_type next_needs = nullptr;
fmgr_hook_type next_hook = nullptr;

struct Kind {
  bool known;
  bool trigger;  // that sees its caller's path
  bool definer;  // runs as its owner
  bool pins;     // the user's path is not seen within
  bool sets;     // has settings of its own: PostgreSQL undoes them, and what was set within, before it tells the end
};

/// What a call in progress has to undo; in memory of the function's lookup.
struct Call {
  Datum next_private;
  Kind kind;
  int level;   // 0: nothing
  int pinned;  // as often as it calls itself
};

bool IsPath(const char *setting) { return strncmp(setting, "search_path=", strlen("search_path=")) == 0; }

void ReadSettings(HeapTuple function, Kind *kind) {
  bool is_null;
  const Datum config = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proconfig, &is_null);
  if (is_null) return;
  kind->sets = true;
  Datum *items;
  int count;
  deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
  for (int i = 0; i < count; i++) {
    if (!IsPath(TextDatumGetCString(items[i]))) continue;
    kind->pins = true;
    kind->trigger = false;
  }
}

Kind KindOf(Oid function) {
  Kind kind{};
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return kind;
  const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  kind.known = true;
  kind.trigger = form->prorettype == TRIGGEROID;
  kind.definer = kind.pins = form->prosecdef;
  ReadSettings(tuple, &kind);
  ReleaseSysCache(tuple);
  return kind;
}

bool Needs(Oid function) {
  if (next_needs != nullptr && next_needs(function)) return true;
  return pg::Entry([&] { return RunsForAnotherPath() && KindOf(function).trigger; });
}

Call *CallOf(const FmgrInfo *function, Datum *memory) {
  if (DatumGetPointer(*memory) == nullptr)
    *memory = PointerGetDatum(MemoryContextAllocZero(function->fn_mcxt, sizeof(Call)));
  return reinterpret_cast<Call *>(DatumGetPointer(*memory));
}

void Begin(const FmgrInfo *function, Call *call) {
  if (!call->kind.known) call->kind = KindOf(function->fn_oid);
  const int context = call->kind.definer ? SECURITY_LOCAL_USERID_CHANGE : 0;
  if (call->kind.trigger && call->level == 0 && MayPushUsersPath(context)) {
    call->level = PushUsersPath();
    SetWithinUsersPath(true);
  }
  if (!call->kind.pins) return;
  PinPath();
  call->pinned++;
}

void End(Call *call, bool failed) {
  if (call->pinned > 0) {
    UnpinPath();
    call->pinned--;
  }
  if (call->level == 0) return;
  SetWithinUsersPath(false);
  const int level = std::exchange(call->level, 0);
  if (!failed && !call->kind.sets) PopUsersPath(level);  // else the end of the (sub)transaction does
}

void OnCall(FmgrHookEventType event, FmgrInfo *function, Datum *memory) {
  pg::Entry([&] {
    Call *call = CallOf(function, memory);
    if (event != FHET_START) End(call, event == FHET_ABORT);
    if (next_hook != nullptr) next_hook(event, function, &call->next_private);
    if (event == FHET_START) Begin(function, call);
  });
}

void OnTransaction(XactEvent event, void *) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) UnpinAll();
}

}  // namespace

void InitDeferredTriggers() {
  next_needs = needs_fmgr_hook;
  needs_fmgr_hook = Needs;
  next_hook = fmgr_hook;
  fmgr_hook = OnCall;
  RegisterXactCallback(OnTransaction, nullptr);
}

}  // namespace altius::task
