// SPDX-License-Identifier: PostgreSQL
#include "altius/core/shard/key_text.hpp"

#include <charconv>
#include <limits>

namespace altius::core {

namespace {

constexpr std::string_view kBegin = "{VAR";
constexpr std::string_view kColumn = "varattno";

/// A reader that never goes back.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) {}

  bool Skip(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  /// Lower-case letters, at least one.
  std::string_view Label() noexcept {
    std::size_t length = 0;
    while (length < rest_.size() && 'a' <= rest_[length] && rest_[length] <= 'z') length++;
    const std::string_view label = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return label;
  }

  std::optional<std::int64_t> Number() noexcept {
    std::int64_t value = 0;
    const char* end = rest_.data() + rest_.size();
    const std::from_chars_result read = std::from_chars(rest_.data(), end, value);
    if (read.ec != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(read.ptr - rest_.data()));
    return value;
  }

  /// A set of numbers, `(b 1 2)`: of nulling relations, since PostgreSQL 16.
  bool SkipSet() noexcept {
    if (!Skip("(b")) return false;
    while (Skip(" "))
      if (!Number()) return false;
    return Skip(")");
  }

  bool AtEnd() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::optional<std::int16_t> ColumnOfKeyText(std::string_view text) noexcept {
  Scanner scanner(text);
  std::optional<std::int64_t> column;
  if (!scanner.Skip(kBegin)) return std::nullopt;
  while (scanner.Skip(" :")) {
    const std::string_view label = scanner.Label();
    if (label.empty() || !scanner.Skip(" ")) return std::nullopt;
    if (scanner.SkipSet()) continue;
    const std::optional<std::int64_t> value = scanner.Number();
    if (!value || (label == kColumn && column)) return std::nullopt;
    if (label == kColumn) column = value;
  }
  if (!scanner.Skip("}") || !scanner.AtEnd() || !column) return std::nullopt;
  if (*column < 1 || *column > std::numeric_limits<std::int16_t>::max()) return std::nullopt;
  return static_cast<std::int16_t>(*column);
}

}  // namespace altius::core
