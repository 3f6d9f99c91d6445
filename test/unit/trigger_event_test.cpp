// SPDX-License-Identifier: PostgreSQL
#include "altius/core/trigger/event.hpp"

#include "catch.hpp"

using altius::core::EventOfText;
using altius::core::EventPart;
using altius::core::EventText;
using altius::core::TriggerEvent;

namespace {

TriggerEvent Sample(EventPart part) {
  return {.part = part, .shard_id = 102008, .group = 2, .event = 6, .trigger = "audit: \"x\"", .old_row = {}, .new_row = {}};
}

}  // namespace

TEST_CASE("an event is read as it was written") {
  for (const EventPart part : {EventPart::Row, EventPart::Statement, EventPart::OldTable, EventPart::NewTable}) {
    TriggerEvent event = Sample(part);
    CHECK(EventOfText(EventText(event)) == event);
    event.old_row = "";
    CHECK(EventOfText(EventText(event)) == event);
    event.new_row = "(1,\"5:a-b\",,\"\xc3\xa4\")";
    CHECK(EventOfText(EventText(event)) == event);
    event.shard_id = -1;
    event.group = 0;
    CHECK(EventOfText(EventText(event)) == event);
  }
}

TEST_CASE("a text that is cut off or longer is no event") {
  TriggerEvent event = Sample(EventPart::Row);
  event.old_row = "(1,a)";
  event.new_row = "(1,b)";
  const std::string good = EventText(event);
  for (std::size_t size = 0; size < good.size(); size++) CHECK_FALSE(EventOfText(good.substr(0, size)).has_value());
  CHECK_FALSE(EventOfText(good + "x").has_value());
  CHECK_FALSE(EventOfText("x" + good.substr(1)).has_value());
  CHECK_FALSE(EventOfText("r1 2 3 99:abc--").has_value());
  CHECK_FALSE(EventOfText("r1 2 3 ---").has_value());
}
