// SPDX-License-Identifier: PostgreSQL
// The settings lc_monetary, lc_numeric and lc_time.  utils/pg_locale.h declares them, but from PostgreSQL 17 on it asks for
// ICU's headers, which the server's build files do not bring along.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
extern PGDLLIMPORT char *locale_monetary;
extern PGDLLIMPORT char *locale_numeric;
extern PGDLLIMPORT char *locale_time;
}
