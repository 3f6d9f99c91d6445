// SPDX-License-Identifier: PostgreSQL
// Deferred triggers run when the transaction ends, outside of any statement for which the path would be set (users_path.hpp): they
// are called on it one by one.
#include "altius/task/users_path.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
}

namespace altius::task {

namespace {

needs_fmgr_hook_type next_needs = nullptr;
fmgr_hook_type next_hook = nullptr;

/// What a call in progress has to undo; in memory of the function's lookup.
struct Call {
  Datum next_private;
  int level;  // 0: nothing
};

bool SetsPath(HeapTuple function) {
  bool is_null;
  const Datum config = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proconfig, &is_null);
  if (is_null) return false;
  Datum *items;
  int count;
  deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
  for (int i = 0; i < count; i++) {
    if (strncmp(TextDatumGetCString(items[i]), "search_path=", strlen("search_path=")) == 0) return true;
  }
  return false;
}

/// A trigger function that sees its caller's search path.
bool IsTriggerOnPath(Oid function) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool is = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prorettype == TRIGGEROID && !SetsPath(tuple);
  ReleaseSysCache(tuple);
  return is;
}

bool Needs(Oid function) {
  if (next_needs != nullptr && next_needs(function)) return true;
  return pg::Entry([&] { return RunsForAnotherPath() && IsTriggerOnPath(function); });
}

Call *CallOf(const FmgrInfo *function, Datum *memory) {
  if (DatumGetPointer(*memory) == nullptr)
    *memory = PointerGetDatum(MemoryContextAllocZero(function->fn_mcxt, sizeof(Call)));
  return reinterpret_cast<Call *>(DatumGetPointer(*memory));
}

void Begin(const FmgrInfo *function, Call *call) {
  if (call->level == 0 && MayPushUsersPath() && IsTriggerOnPath(function->fn_oid)) {
    call->level = PushUsersPath();
    SetWithinUsersPath(true);
  }
}

void End(Call *call, bool failed) {
  if (call->level == 0) return;
  SetWithinUsersPath(false);
  const int level = std::exchange(call->level, 0);
  if (!failed) PopUsersPath(level);  // else the end of the (sub)transaction does
}

void OnCall(FmgrHookEventType event, FmgrInfo *function, Datum *memory) {
  pg::Entry([&] {
    Call *call = CallOf(function, memory);
    if (event == FHET_START) Begin(function, call);
    if (event != FHET_START) End(call, event == FHET_ABORT);
    if (next_hook != nullptr) next_hook(event, function, &call->next_private);
  });
}

}  // namespace

void InitDeferredTriggers() {
  next_needs = needs_fmgr_hook;
  needs_fmgr_hook = Needs;
  next_hook = fmgr_hook;
  fmgr_hook = OnCall;
}

}  // namespace altius::task
