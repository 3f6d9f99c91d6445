// SPDX-License-Identifier: PostgreSQL
// The version of the library, as a function and as a setting.
#include "altius/pg/bridge.hpp"
#include "settings.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/guc.h"
}

namespace altius::entry {
namespace {
char* version;
}

void DefineVersion() {
  DefineCustomStringVariable("citus.version", "The version of Altius.", nullptr, &version,
                             ALTIUS_VERSION, PGC_INTERNAL, 0, nullptr, nullptr, nullptr);
}

}  // namespace altius::entry

ALTIUS_FUNCTION(citus_version) { PG_RETURN_TEXT_P(cstring_to_text("Altius " ALTIUS_VERSION)); }
