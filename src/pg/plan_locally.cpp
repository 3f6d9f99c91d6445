// SPDX-License-Identifier: PostgreSQL
// While a command is applied to a shell table the queries that PostgreSQL makes for it see what is here (altius.plan_locally).  The
// functions of users that it calls (defaults, USING, checks) see tables with their rows, as ever.
#include <utility>

#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"

extern "C" {
#include "access/transam.h"
#include "fmgr.h"
}

namespace altius::pg {

namespace {

needs_fmgr_hook_type next_needs = nullptr;
fmgr_hook_type next_hook = nullptr;

/// Calls of a function in progress; in memory of the function's lookup.
struct Calls {
  Datum next_private;
  int depth;  // as often as it calls itself
  bool locally;  // before the outermost
};

bool Needs(Oid function) {
  if (next_needs != nullptr && next_needs(function)) return true;
  return settings::plan_locally && function >= FirstNormalObjectId;
}

Calls* CallsOf(const FmgrInfo* function, Datum* memory) {
  if (DatumGetPointer(*memory) == nullptr)
    *memory = PointerGetDatum(MemoryContextAllocZero(function->fn_mcxt, sizeof(Calls)));
  return reinterpret_cast<Calls*>(DatumGetPointer(*memory));
}

void Begin(Calls* calls) {
  if (calls->depth++ == 0) calls->locally = std::exchange(settings::plan_locally, false);
}

void End(Calls* calls) {
  if (--calls->depth == 0) settings::plan_locally = calls->locally;
}

void OnCall(FmgrHookEventType event, FmgrInfo* function, Datum* memory) {
  Entry([&] {
    Calls* calls = CallsOf(function, memory);
    if (event != FHET_START) End(calls);
    if (next_hook != nullptr) next_hook(event, function, &calls->next_private);
    if (event == FHET_START) Begin(calls);
  });
}

}  // namespace

void InitPlanLocally() {
  next_needs = needs_fmgr_hook;
  needs_fmgr_hook = Needs;
  next_hook = fmgr_hook;
  fmgr_hook = OnCall;
}

}  // namespace altius::pg
