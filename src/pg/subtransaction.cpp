// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/subtransaction.hpp"

#include "altius/pg/bridge.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace altius::pg {
namespace {

/// The frame that sigsetjmp returns to: nothing in it changes between the call and the jump.
[[gnu::noinline]] ErrorData* Catch(void (*function)(void*), void* argument, MemoryContext home) {
  const SavedStacks saved;
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    Entry([&] { function(argument); });
    saved.Restore();
    return nullptr;
  }
  saved.Restore();
  MemoryContextSwitchTo(home);
  ErrorData* error = CopyErrorData();
  FlushErrorState();
  return error;
}

bool MustNotBeCaught(const ErrorData* error) {
  return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
         error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN;
}

}  // namespace

ErrorData* TryCall(void (*function)(void*), void* argument) {
  MemoryContext caller = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(caller);
  ErrorData* error = Catch(function, argument, caller);
  if (error == nullptr) {
    ReleaseCurrentSubTransaction();
  } else {
    RollbackAndReleaseCurrentSubTransaction();
  }
  MemoryContextSwitchTo(caller);
  CurrentResourceOwner = owner;
  if (error != nullptr && MustNotBeCaught(error)) ReThrowError(error);
  return error;
}

}  // namespace altius::pg
