// SPDX-License-Identifier: PostgreSQL
#include "altius/door/quiet.hpp"

#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/memutils.h"
}

namespace altius::door {

namespace {

constexpr int kCount = lengthof(kQuietSettings);

const char* before[kCount];  // values, in memory of the transaction
bool quiet = false;

void Set(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/// The settings end with the transaction, and so must what is known of them.
void WatchEnd() {
  auto* callback = static_cast<MemoryContextCallback*>(MemoryContextAllocZero(TopTransactionContext, sizeof(MemoryContextCallback)));
  callback->func = [](void*) { quiet = false; };
  MemoryContextRegisterResetCallback(TopTransactionContext, callback);
}

void BeQuiet() {
  if (quiet) return;
  WatchEnd();
  for (int i = 0; i < kCount; i++) {
    const char* value = GetConfigOption(kQuietSettings[i].name, true, false);
    before[i] = value == nullptr ? nullptr : MemoryContextStrdup(TopTransactionContext, value);
    if (value != nullptr) Set(kQuietSettings[i].name, kQuietSettings[i].value);
  }
  quiet = true;
}

void BeLoud() {
  if (!quiet) return;
  quiet = false;
  for (int i = 0; i < kCount; i++) {
    if (before[i] != nullptr) Set(kQuietSettings[i].name, before[i]);
  }
}

}  // namespace

}  // namespace altius::door

/// be_quiet(quiet boolean)
ALTIUS_NODE_FUNCTION(altius_be_quiet) {
  if (PG_GETARG_BOOL(0)) {
    altius::door::BeQuiet();
  } else {
    altius::door::BeLoud();
  }
  PG_RETURN_VOID();
}
