// SPDX-License-Identifier: PostgreSQL
// The module's door: magic block and _PG_init.
#include "altius/pg/bridge.hpp"

extern "C" {
#pragma GCC visibility push(default)
PG_MODULE_MAGIC;
void _PG_init(void);
#pragma GCC visibility pop
}

void _PG_init(void) {}
