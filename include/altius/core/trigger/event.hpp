// SPDX-License-Identifier: PostgreSQL
// What a shard tells the node that asked, when an AFTER trigger of its table would fire: the table, the trigger and the rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace altius::core {

enum class EventPart : char {
  Row = 'r',        // the trigger fires for this row
  Statement = 's',  // the trigger fires once for all shards; told for what actions of foreign keys did
  OldTable = 'o',   // a row of the trigger's old transition table
  NewTable = 'n',   // and of its new one
};

struct TriggerEvent {
  EventPart part = EventPart::Row;
  std::int64_t shard_id = 0;
  std::int32_t group = 0;        // the node where it happened
  std::uint32_t event = 0;       // PostgreSQL's bits for what happened: insert, delete or update
  std::string trigger;           // its name
  std::optional<std::string> old_row;
  std::optional<std::string> new_row;

  bool operator==(const TriggerEvent&) const = default;
};

std::string EventText(const TriggerEvent& event);
/// Nothing when the text is not one that EventText makes.
std::optional<TriggerEvent> EventOfText(std::string_view text);

}  // namespace altius::core
