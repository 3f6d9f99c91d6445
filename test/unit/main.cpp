// SPDX-License-Identifier: PostgreSQL
// Catch2 2.x has no library with a main; 3.x has, and leaves this file out.
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
