// SPDX-License-Identifier: PostgreSQL
#include "altius/core/etcd/json.hpp"

#include <charconv>
#include <limits>

namespace altius::core::etcd {
namespace {

constexpr int kDeepest = 32;

/// A cheap look before the parser allocates anything: brackets outside of strings.
bool IsShallow(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); i++) {
    const char letter = text[i];
    if (in_string) {
      if (letter == '\\') {
        i++;
      } else if (letter == '"') {
        in_string = false;
      }
    } else if (letter == '"') {
      in_string = true;
    } else if (letter == '{' || letter == '[') {
      if (++depth > kDeepest) return false;
    } else if (letter == '}' || letter == ']') {
      depth--;
    }
  }
  return true;
}

template <typename Integer>
Integer FromText(const std::string& text) {
  Integer value = 0;
  const char* end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc{} && result.ptr == end ? value : Integer{0};
}

}  // namespace

std::optional<Json> ParseJson(std::string_view text, std::size_t longest) {
  if (text.size() > longest || !IsShallow(text)) return std::nullopt;
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

const Json* Find(const Json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() ? nullptr : &*found;
}

std::int64_t Int64Of(const Json& json, const char* name) {
  const Json* field = Find(json, name);
  if (field == nullptr) return 0;
  if (field->is_number_unsigned()) {
    const std::uint64_t value = field->get<std::uint64_t>();
    constexpr auto kGreatest = std::numeric_limits<std::int64_t>::max();
    return value > static_cast<std::uint64_t>(kGreatest) ? 0 : static_cast<std::int64_t>(value);
  }
  if (field->is_number_integer()) return field->get<std::int64_t>();
  return field->is_string() ? FromText<std::int64_t>(*field->get_ptr<const std::string*>()) : 0;
}

std::uint64_t Uint64Of(const Json& json, const char* name) {
  const Json* field = Find(json, name);
  if (field == nullptr) return 0;
  if (field->is_number_unsigned()) return field->get<std::uint64_t>();
  return field->is_string() ? FromText<std::uint64_t>(*field->get_ptr<const std::string*>()) : 0;
}

bool BoolOf(const Json& json, const char* name) {
  const Json* field = Find(json, name);
  return field != nullptr && field->is_boolean() && field->get<bool>();
}

std::string StringOf(const Json& json, const char* name) {
  const Json* field = Find(json, name);
  return field != nullptr && field->is_string() ? field->get<std::string>() : std::string();
}

}  // namespace altius::core::etcd
