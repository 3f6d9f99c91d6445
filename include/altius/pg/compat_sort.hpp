// SPDX-License-Identifier: PostgreSQL
// Sorted values that are passed by reference, whichever way a version hands them out.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/tuplesort.h"
}

namespace altius::pg {

/// The next value in place of the one before (at first 0), which is gone then; false: there is none.
inline bool NextSorted(Tuplesortstate* sorted, Datum* value) {
  bool is_null = false;
#if PG_VERSION_NUM >= 160000
  return tuplesort_getdatum(sorted, true, false, value, &is_null, nullptr);
#else
  if (DatumGetPointer(*value) != nullptr) pfree(DatumGetPointer(*value));
  *value = 0;
  return tuplesort_getdatum(sorted, true, value, &is_null, nullptr);
#endif
}

}  // namespace altius::pg
