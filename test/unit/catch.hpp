// SPDX-License-Identifier: PostgreSQL
// The Catch2 header of the version at hand.  Tests use TEST_CASE, SECTION, CHECK, REQUIRE, INFO
// only: the same in 2.x and 3.x.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif
