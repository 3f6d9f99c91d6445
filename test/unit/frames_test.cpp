// SPDX-License-Identifier: PostgreSQL
#include "altius/core/copy/frames.hpp"

#include <string>

#include "catch.hpp"

using namespace altius::core;

namespace {

std::string RecordBytes(std::uint32_t number, std::uint32_t length, std::string_view line) {
  char head[kRecordHeadBytes];
  WriteRecordHead(number, length, head);
  return std::string(head, kRecordHeadBytes) + std::string(line);
}

std::string RecordOf(std::uint32_t number, std::string_view line) {
  return RecordBytes(number, static_cast<std::uint32_t>(line.size()), line);
}

}  // namespace

TEST_CASE("records come out as they went in") {
  const std::string bytes = RecordOf(1, "a\tb") + RecordOf(70000, "") + RecordOf(0xffffffff, "z");
  CHECK(CountRecords(bytes) == 3);
  std::string_view rest = bytes;
  CHECK(TakeRecord(&rest)->line == "a\tb");
  const auto second = TakeRecord(&rest);
  CHECK(second->line_number == 70000);
  CHECK(second->line.empty());
  CHECK(TakeRecord(&rest)->line_number == 0xffffffff);
  CHECK_FALSE(TakeRecord(&rest).has_value());
  CHECK(CountRecords("") == 0);
}

TEST_CASE("the form of frames is what other nodes read") {
  char head[kFrameHeadBytes];
  WriteFrameHead({102008, 77}, head);
  CHECK(std::string(head, kFrameHeadBytes) == std::string("\0\0\0\0\0\1\x8e\x78\0\0\0\x4d", 12));
  CHECK(ReadFrameHead(head)->shard_id == 102008);
  CHECK(ReadFrameHead(head)->length == 77);
  CHECK(RecordOf(2, "x") == std::string("\0\0\0\2\0\0\0\1x", 9));
}

TEST_CASE("no length of a record is believed") {
  for (const std::uint32_t length : {0xffffffffu, 0xfffffff8u, 0x80000000u, 0x7fffffffu, 5u}) {
    CHECK_FALSE(CountRecords(RecordBytes(1, length, "abcd")).has_value());
    CHECK_FALSE(CountRecords(RecordOf(1, "ok") + RecordBytes(2, length, "abcd")).has_value());
  }
  const std::string whole = RecordOf(1, "abcd");
  for (std::size_t size = 1; size < whole.size(); size++)
    CHECK_FALSE(CountRecords(std::string_view(whole).substr(0, size)).has_value());
}

TEST_CASE("no length of a frame is believed") {
  char head[kFrameHeadBytes];
  for (const std::uint32_t length : {0xffffffffu, 0xfffffff8u, 0x80000000u, kMostFrameBytes + 1}) {
    WriteFrameHead({1, length}, head);
    CHECK_FALSE(ReadFrameHead(head).has_value());
  }
  WriteFrameHead({-1, kMostFrameBytes}, head);
  CHECK(ReadFrameHead(head)->length == kMostFrameBytes);
  CHECK(ReadFrameHead(head)->shard_id == -1);
}
