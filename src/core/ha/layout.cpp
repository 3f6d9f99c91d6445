// SPDX-License-Identifier: PostgreSQL
#include "altius/core/ha/layout.hpp"

#include <algorithm>
#include <charconv>

#include "altius/base/error.hpp"

namespace altius::core::ha {
namespace {

constexpr std::string_view kGroup = "{group}";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// 0 or a number without leading zeros, as Patroni has it.
std::optional<int> ParseGroup(std::string_view text) {
  int group = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, group);
  const bool plain =
      !text.empty() && text[0] >= '0' && text[0] <= '9' && (text[0] != '0' || text.size() == 1);
  if (!plain || error != std::errc{} || rest != end) return std::nullopt;
  return group;
}

[[noreturn]] void Refuse(std::string_view entry) {
  throw Error(sqlstate::kInvalidParameterValue,
              "\"" + std::string(entry) + "\" does not say which scope is which group", {},
              "Write names as \"coord=0, shard-1=1\", patterns as \"shard-{group}\".");
}

}  // namespace

KeyMap::KeyMap(const LayoutOptions& options) {
  std::string_view nspace = options.nspace;
  while (!nspace.empty() && nspace.back() == '/') nspace.remove_suffix(1);
  while (!nspace.empty() && nspace.front() == '/') nspace.remove_prefix(1);
  root_ = nspace.empty() ? "/" : "/" + std::string(nspace) + "/";
  const bool has_map = !Trim(options.group_map).empty();
  citus_ = options.layout == Layout::Citus || (options.layout == Layout::Auto && !has_map);
  if (!citus_) {
    ParseMap(options.group_map);
    return;
  }
  if (options.scope.empty() || options.scope.find('/') != std::string::npos) {
    throw Error(sqlstate::kInvalidParameterValue,
                "\"" + options.scope + "\" is no scope of Patroni", {},
                "Set altius.ha_scope, or cluster_name as Patroni does.");
  }
  root_ += options.scope + "/";
  prefixes_.push_back(root_);
}

void KeyMap::ParseMap(std::string_view map) {
  while (!Trim(map).empty()) {
    const std::size_t comma = std::min(map.find(','), map.size());
    ParseEntry(Trim(map.substr(0, comma)));
    map.remove_prefix(std::min(comma + 1, map.size()));
  }
  if (scopes_.empty()) Refuse({});
  for (const Scope& scope : scopes_) {
    prefixes_.push_back(root_ + scope.before + (scope.pattern ? "" : "/"));
  }
}

void KeyMap::ParseEntry(std::string_view entry) {
  const std::size_t hole = entry.find(kGroup);
  const std::size_t equals = entry.find('=');
  if (entry.find('/') != std::string_view::npos) Refuse(entry);
  if (hole != std::string_view::npos) {
    if (equals != std::string_view::npos) Refuse(entry);
    scopes_.push_back({std::string(entry.substr(0, hole)),
                       std::string(entry.substr(hole + kGroup.size())), true, 0});
    return;
  }
  if (equals == std::string_view::npos) Refuse(entry);
  const std::string_view name = Trim(entry.substr(0, equals));
  const std::optional<int> group = ParseGroup(Trim(entry.substr(equals + 1)));
  if (name.empty() || !group) Refuse(entry);
  scopes_.push_back({std::string(name), {}, false, *group});
}

/// Names first: "shard-0=7" is the exception to "shard-{group}".
std::optional<int> KeyMap::GroupOfScope(std::string_view name) const {
  for (const Scope& scope : scopes_) {
    if (!scope.pattern && name == scope.before) return scope.group;
  }
  for (const Scope& scope : scopes_) {
    const std::size_t around = scope.before.size() + scope.after.size();
    if (!scope.pattern || name.size() <= around || !name.starts_with(scope.before) ||
        !name.ends_with(scope.after)) {
      continue;
    }
    if (const auto group = ParseGroup(name.substr(scope.before.size(), name.size() - around)))
      return group;
  }
  return std::nullopt;
}

std::optional<Place> KeyMap::Locate(std::string_view key) const {
  if (!key.starts_with(root_)) return std::nullopt;
  key.remove_prefix(root_.size());
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view first = key.substr(0, slash);
  const std::optional<int> group = citus_ ? ParseGroup(first) : GroupOfScope(first);
  if (!group) return std::nullopt;
  return Place{*group, key.substr(slash + 1)};
}

}  // namespace altius::core::ha
