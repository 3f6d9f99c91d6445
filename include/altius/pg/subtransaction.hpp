// SPDX-License-Identifier: PostgreSQL
// Running something that may fail and going on afterwards: the only correct way is a subtransaction
// that is rolled back.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::pg {

/// Runs function(argument) in a subtransaction.  Null when it succeeded; else its error, palloc'd
/// in the caller's context, and everything it did is undone.  Cancellation and shutdown are not
/// caught.
ErrorData* TryCall(void (*function)(void*), void* argument);

template <typename Body>
ErrorData* Try(Body&& body) {
  return TryCall([](void* it) { (*static_cast<std::remove_reference_t<Body>*>(it))(); }, &body);
}

}  // namespace altius::pg
