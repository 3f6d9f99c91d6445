// SPDX-License-Identifier: PostgreSQL
#include <cstdint>
#include <limits>
#include <string>

#include "altius/base/digits.hpp"
#include "altius/base/error.hpp"
#include "catch.hpp"

using altius::base::BufferWriter;
using altius::base::TextReader;

TEST_CASE("a buffer writer fills its buffer to the last byte and not beyond") {
  char buffer[8];
  CHECK(BufferWriter(buffer, sizeof buffer).Text("abc").Number(-123).Length() == 7);
  CHECK(std::string(buffer) == "abc-123");
  CHECK(BufferWriter(buffer, sizeof buffer).Text("abcd").Number(-123).Length() == 0);
  CHECK(std::string(buffer).empty());
  CHECK(BufferWriter(buffer, sizeof buffer).Text("12345678").Text("x").Length() == 0);
  CHECK(std::string(buffer).empty());
}

TEST_CASE("a text reader is strict") {
  const auto reads = [](const char* text) {
    std::int64_t value = 0;
    return TextReader(text).Number(value).Done();
  };
  CHECK(reads("0"));
  CHECK(reads("-7"));
  CHECK(reads("9223372036854775807"));
  CHECK_FALSE(reads("9223372036854775808"));
  CHECK_FALSE(reads(""));
  CHECK_FALSE(reads("-"));
  CHECK_FALSE(reads("+1"));
  CHECK_FALSE(reads(" 1"));
  CHECK_FALSE(reads("1 "));
  CHECK_FALSE(reads("007"));
  CHECK_FALSE(reads("-0"));
  std::uint64_t big = 0;
  CHECK(TextReader("a18446744073709551615").Text("a").Number(big).Done());
  CHECK(big == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(TextReader("b1").Text("a").Number(big).Done());
}

TEST_CASE("an error keeps its fields") {
  const altius::Error error(altius::sqlstate::kProtocolViolation, "message", "detail", "hint");
  CHECK(error.sqlstate == "08P01");
  CHECK(std::string(error.what()) == "message");
  CHECK(error.detail == "detail");
  CHECK(error.hint == "hint");
}
