// SPDX-License-Identifier: PostgreSQL
// Which of Patroni's keys in etcd belong to which group.
//
//   Citus   /<namespace>/<scope>/<group>/<key>: Patroni's own layout when it has a citus section
//   Scopes  /<namespace>/<scope>/<key>: one plain Patroni cluster for each group; the map says
//   which, by names
//           ("coord=0, shard-1=1") and patterns ("shard-{group}")
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace altius::core::ha {

enum class Layout : std::uint8_t { Auto, Citus, Scopes };  // Auto: Scopes when there is a map

struct LayoutOptions {
  Layout layout = Layout::Auto;
  std::string nspace = "/service";
  std::string scope;      // Citus
  std::string group_map;  // Scopes

  bool operator==(const LayoutOptions&) const = default;
};

/// Where a key belongs: "leader", "members/NAME", ...
struct Place {
  int group = 0;
  std::string_view name;
};

class KeyMap {
 public:
  /// Raises 22023 when the options make no sense.
  explicit KeyMap(const LayoutOptions& options);

  /// What to watch.
  const std::vector<std::string>& prefixes() const { return prefixes_; }

  /// Nothing for keys that are none of ours.
  std::optional<Place> Locate(std::string_view key) const;

 private:
  struct Scope {
    std::string before;  // of a pattern: what stands before {group}; else the whole name
    std::string after;
    bool pattern = false;
    int group = 0;
  };
  void ParseMap(std::string_view map);
  void ParseEntry(std::string_view entry);
  std::optional<int> GroupOfScope(std::string_view scope) const;

  bool citus_ = false;
  std::string root_;  // with a slash at the end
  std::vector<Scope> scopes_;
  std::vector<std::string> prefixes_;
};

}  // namespace altius::core::ha
