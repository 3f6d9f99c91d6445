// SPDX-License-Identifier: PostgreSQL
// SQL functions by which the tests put the bridge through errors of each kind.
#include <stdexcept>

#include "altius/base/error.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
}

namespace altius::pg {

namespace {

int live = 0;  // objects whose destructors are still to run

struct Counted {
  Counted() { live++; }
  ~Counted() { live--; }
};

void RaisePlain() {
  ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("plain error"), errdetail("Its detail."),
                  errhint("Its hint.")));
}

bool ThrowingWalker(Node *, void *) {
  return Entry([]() -> bool { throw altius::Error("22023", "thrown in a callback", "Below C frames.", "None."); });
}

void Fail(const char *kind) {
  const Counted outer;
  if (strcmp(kind, "postgres") == 0) Call(RaisePlain);
  if (strcmp(kind, "nested") == 0) Call([] { Entry([] { const Counted inner; Call(RaisePlain); }); });
  if (strcmp(kind, "altius") == 0) throw altius::Error("0A000", "altius error", "Its detail.", "Its hint.");
  if (strcmp(kind, "bad_alloc") == 0) throw std::bad_alloc();
  if (strcmp(kind, "palloc") == 0) Call([] { palloc(MaxAllocSize + Size{1}); });
  if (strcmp(kind, "standard") == 0) throw std::runtime_error("standard exception");
  if (strcmp(kind, "unknown") == 0) throw 42;
  if (strcmp(kind, "callback") == 0) {
    Call([] { Walk(reinterpret_cast<Node *>(list_make1(makeNullConst(23, -1, 0))), ThrowingWalker, nullptr); });
  }
}

/// One error of the kind, caught in C++; its frames are gone when this returns.
void FailAndCatch(const char *kind) {
  try {
    Fail(kind);
  } catch (...) {
  }
}

}  // namespace

}  // namespace altius::pg

ALTIUS_FUNCTION(altius_bridge_fail) {
  altius::pg::Fail(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  PG_RETURN_NULL();
}

/// Bytes by which the backend's contexts grew over many errors.
ALTIUS_FUNCTION(altius_bridge_leak) {
  const char *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
  MemoryContext round = AllocSetContextCreate(CurrentMemoryContext, "bridge check", ALLOCSET_SMALL_SIZES);
  MemoryContextSwitchTo(round);
  altius::pg::FailAndCatch(kind);
  const Size before = MemoryContextMemAllocated(TopMemoryContext, true);
  for (int i = 0; i < PG_GETARG_INT32(1); i++) {
    altius::pg::FailAndCatch(kind);
    MemoryContextReset(round);
  }
  PG_RETURN_INT64(static_cast<int64>(MemoryContextMemAllocated(TopMemoryContext, true) - before));
}

ALTIUS_FUNCTION(altius_bridge_live) { PG_RETURN_INT32(altius::pg::live); }
