// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/rangetypes.h"
}

namespace altius::pg {

inline RangeType* MakeRange(TypeCacheEntry* type, RangeBound* lower, RangeBound* upper, bool empty) {
#if PG_VERSION_NUM >= 160000
  return make_range(type, lower, upper, empty, nullptr);
#else
  return make_range(type, lower, upper, empty);
#endif
}

}  // namespace altius::pg
