// SPDX-License-Identifier: PostgreSQL
#include "altius/core/trigger/event.hpp"

#include <charconv>

namespace altius::core {
namespace {

/// A text with its length in front, "-" for none.
void Append(std::string* out, const std::optional<std::string>& text) {
  if (!text.has_value()) {
    *out += '-';
    return;
  }
  *out += std::to_string(text->size());
  *out += ':';
  *out += *text;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool Letter(char* letter) {
    if (rest_.empty()) return false;
    *letter = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  template <typename Integer>
  bool Number(char end, Integer* number) {
    const char* last = rest_.data() + rest_.size();
    const auto read = std::from_chars(rest_.data(), last, *number);
    if (read.ec != std::errc{} || read.ptr == last || *read.ptr != end) return false;
    rest_.remove_prefix(static_cast<std::size_t>(read.ptr - rest_.data()) + 1);
    return true;
  }

  bool Text(std::optional<std::string>* text) {
    if (!rest_.empty() && rest_.front() == '-') {
      rest_.remove_prefix(1);
      text->reset();
      return true;
    }
    std::size_t length = 0;
    if (!Number(':', &length) || length > rest_.size()) return false;
    text->emplace(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return true;
  }

  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// PostgreSQL's bits of an event.
constexpr std::uint32_t kInsert = 0, kDelete = 1, kUpdate = 2, kKind = 3, kForRow = 4;

/// Functions of triggers look at the rows that come with their kind of event without asking.
bool HasItsRows(const TriggerEvent& event) {
  const std::uint32_t kind = event.event & kKind;
  if (kind > kUpdate || (event.event & ~(kKind | kForRow)) != 0) return false;
  switch (event.part) {
    case EventPart::Row:
      return (event.event & kForRow) != 0 && event.old_row.has_value() == (kind != kInsert) &&
             event.new_row.has_value() == (kind != kDelete);
    case EventPart::Statement:
      return (event.event & kForRow) == 0;
    case EventPart::OldTable:
      return event.old_row.has_value();
    case EventPart::NewTable:
      return event.new_row.has_value();
  }
  return false;
}

bool IsPart(char letter) { return letter == 'r' || letter == 's' || letter == 'o' || letter == 'n'; }

}  // namespace

std::string EventText(const TriggerEvent& event) {
  std::string text(1, static_cast<char>(event.part));
  text += std::to_string(event.shard_id);
  text += ' ';
  text += std::to_string(event.group);
  text += ' ';
  text += std::to_string(event.event);
  text += ' ';
  Append(&text, event.trigger);
  Append(&text, event.old_row);
  Append(&text, event.new_row);
  return text;
}

std::optional<TriggerEvent> EventOfText(std::string_view text) {
  Reader reader(text);
  TriggerEvent event;
  char part = '\0';
  std::optional<std::string> trigger;
  const bool read = reader.Letter(&part) && IsPart(part) && reader.Number(' ', &event.shard_id) &&
                    reader.Number(' ', &event.group) && reader.Number(' ', &event.event) && reader.Text(&trigger) &&
                    trigger.has_value() && reader.Text(&event.old_row) && reader.Text(&event.new_row) && reader.AtEnd();
  if (!read) return std::nullopt;
  event.part = static_cast<EventPart>(part);
  event.trigger = *trigger;
  if (!HasItsRows(event)) return std::nullopt;
  return event;
}

}  // namespace altius::core
