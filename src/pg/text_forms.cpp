// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/text_forms.hpp"

extern "C" {
#include "utils/float.h"
#include "utils/guc.h"
}

namespace altius::pg {

namespace {

void SetForNow(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

}  // namespace

int BeginPortableText() {
  const bool dates = DateStyle != USE_ISO_DATES;
  const bool intervals = IntervalStyle != INTSTYLE_POSTGRES;
  const bool floats = extra_float_digits < 1;
  if (!dates && !intervals && !floats) return 0;
  const int level = NewGUCNestLevel();
  if (dates) SetForNow("datestyle", "ISO");
  if (intervals) SetForNow("intervalstyle", "postgres");
  if (floats) SetForNow("extra_float_digits", "3");
  return level;
}

void EndPortableText(int level) {
  if (level > 0) AtEOXact_GUC(true, level);
}

}  // namespace altius::pg
