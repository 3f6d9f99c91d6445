// SPDX-License-Identifier: PostgreSQL
#include "altius/core/trigger/event.hpp"

#include "catch.hpp"

using altius::core::EventOfText;
using altius::core::EventPart;
using altius::core::EventText;
using altius::core::TriggerEvent;

namespace {

constexpr unsigned kInsert = 0, kDelete = 1, kUpdate = 2, kTruncate = 3, kForRow = 4, kBefore = 8;

TriggerEvent Sample(EventPart part, unsigned event) {
  return {.part = part, .shard_id = 102008, .group = 2, .event = event, .trigger = "audit: \"x\"", .old_row = {}, .new_row = {}};
}

bool IsRead(const TriggerEvent& event) {
  const auto read = EventOfText(EventText(event));
  if (read.has_value()) CHECK(*read == event);
  return read.has_value();
}

}  // namespace

TEST_CASE("an event is read as it was written, with the rows that it has, and no others") {
  for (const EventPart part : {EventPart::Row, EventPart::Statement, EventPart::OldTable, EventPart::NewTable}) {
    for (unsigned bits = 0; bits < 16; bits++) {
      for (int rows = 0; rows < 4; rows++) {
        TriggerEvent event = Sample(part, bits);
        if ((rows & 1) != 0) event.old_row = "";
        if ((rows & 2) != 0) event.new_row = "(1,\"5:a-b\",,\"\xc3\xa4\")";
        const unsigned kind = bits & 3;
        bool good = kind != kTruncate && (bits & kBefore) == 0;
        if (part == EventPart::Row) good = good && (bits & kForRow) != 0 && rows == (kind == kInsert ? 2 : kind == kDelete ? 1 : 3);
        if (part == EventPart::Statement) good = good && (bits & kForRow) == 0;
        if (part == EventPart::OldTable) good = good && (rows & 1) != 0;
        if (part == EventPart::NewTable) good = good && (rows & 2) != 0;
        CHECK(IsRead(event) == good);
        event.shard_id = -1;
        event.group = 0;
        CHECK(IsRead(event) == good);
      }
    }
  }
}

TEST_CASE("a text that is cut off or longer is no event") {
  TriggerEvent event = Sample(EventPart::Row, kUpdate | kForRow);
  event.old_row = "(1,a)";
  event.new_row = "(1,b)";
  const std::string good = EventText(event);
  REQUIRE(IsRead(event));
  for (std::size_t size = 0; size < good.size(); size++) CHECK_FALSE(EventOfText(good.substr(0, size)).has_value());
  CHECK_FALSE(EventOfText(good + "x").has_value());
  CHECK_FALSE(EventOfText("x" + good.substr(1)).has_value());
  CHECK_FALSE(EventOfText("r1 2 6 99:abc--").has_value());
  CHECK_FALSE(EventOfText("r1 2 6 ---").has_value());
  CHECK_FALSE(EventOfText("s1 2 18446744073709551617 1:a--").has_value());
}
