// SPDX-License-Identifier: PostgreSQL
#include "altius/core/ha/view.hpp"

#include <algorithm>
#include <charconv>

#include "altius/core/etcd/json.hpp"

namespace altius::core::ha {
namespace {

constexpr std::size_t kLongestValue = std::size_t{1024} * 1024;
constexpr std::string_view kMembers = "members/";

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(),
                     [](char letter) { return static_cast<unsigned char>(letter) >= ' '; });
}

std::uint64_t ParseSystemId(std::string_view text) {
  std::uint64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  return error == std::errc{} && rest == end ? id : 0;
}

void SetMember(GroupView* group, const std::string& name, std::string_view value) {
  std::optional<Member> member = ParseMember(value);
  if (member && IsName(name)) {
    group->members[name] = std::move(*member);
    group->complaints.erase("members/" + name);
  } else {
    group->members.erase(name);
    group->complaints["members/" + name] = "no address of a server";
  }
}

void SetConfig(GroupView* group, std::string_view value) {
  const std::optional<etcd::Json> json = etcd::ParseJson(value, kLongestValue);
  if (!json) {
    group->complaints["config"] = "not JSON";
    return;
  }
  group->complaints.erase("config");
  group->paused = etcd::BoolOf(*json, "pause");
  group->synchronous = etcd::BoolOf(*json, "synchronous_mode") ||
                       etcd::StringOf(*json, "synchronous_mode") == "quorum";
}

/// "null", nothing, or names; what can't be understood may name somebody.
void SetSync(GroupView* group, std::string_view value) {
  const std::optional<etcd::Json> json = etcd::ParseJson(value, kLongestValue);
  group->sync = {{}, 1};
  if (json) group->sync = ReadNamedStandbys(etcd::StringOf(*json, "sync_standby"), etcd::Int64Of(*json, "quorum"));
}

/// What is not understood counts as no leader: nobody else is trusted in its place.
void SetLeader(GroupView* group, std::string_view value, std::int64_t revision) {
  group->leader.reset();
  if (IsName(value)) {
    group->leader = Leader{std::string(value), revision};
    group->complaints.erase("leader");
  } else {
    group->complaints["leader"] = "no name of a member";
  }
}

void SetValue(GroupView* group, std::string_view name, std::string_view value,
              std::int64_t revision) {
  if (name == "leader") {
    SetLeader(group, value, revision);
  } else if (name.starts_with(kMembers)) {
    SetMember(group, std::string(name.substr(kMembers.size())), value);
  } else if (name == "initialize") {
    group->system_id = ParseSystemId(value);
  } else if (name == "failover") {
    group->failover = ParseFailover(value, revision);
  } else if (name == "config") {
    SetConfig(group, value);
  } else if (name == "sync") {
    SetSync(group, value);
  } else if (name == "status") {
    const std::optional<etcd::Json> json = etcd::ParseJson(value, kLongestValue);
    if (json) group->optime = etcd::Int64Of(*json, "optime");
  }
}

void EraseValue(GroupView* group, std::string_view name) {
  group->complaints.erase(std::string(name));
  if (name == "leader") {
    group->leader.reset();
  } else if (name.starts_with(kMembers)) {
    group->members.erase(std::string(name.substr(kMembers.size())));
  } else if (name == "initialize") {
    group->system_id = 0;
  } else if (name == "failover") {
    group->failover.reset();
  } else if (name == "config") {
    group->paused = group->synchronous = false;
  } else if (name == "sync") {
    group->sync = {};
  } else if (name == "status") {
    group->optime = 0;
  }
}

}  // namespace

std::optional<int> ClusterView::Set(std::string_view key, std::string_view value,
                                    std::int64_t mod_revision) {
  const std::optional<Place> place = map_.Locate(key);
  if (!place) return std::nullopt;
  GroupView& group = groups_[place->group];
  if (known_.emplace(key).second) group.keys++;
  SetValue(&group, place->name, value, mod_revision);
  return place->group;
}

std::optional<int> ClusterView::Erase(std::string_view key) {
  const std::optional<Place> place = map_.Locate(key);
  const auto known = known_.find(key);
  if (!place || known == known_.end()) return std::nullopt;
  known_.erase(known);
  GroupView& group = groups_[place->group];
  group.keys--;
  EraseValue(&group, place->name);
  return place->group;
}

const GroupView& ClusterView::group(int number) const {
  static const GroupView* const kEmpty = new GroupView;  // never destroyed
  const auto found = groups_.find(number);
  return found == groups_.end() ? *kEmpty : found->second;
}

}  // namespace altius::core::ha
