// SPDX-License-Identifier: PostgreSQL
// The only door to PostgreSQL's headers: standard headers first, then the server's as C, then its macros that bite are removed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

#undef _
#undef gettext
#undef dgettext
#undef ngettext
#undef dngettext
#undef Min
#undef Max
#undef Abs

#define ALTIUS_EXPORT __attribute__((visibility("default")))
