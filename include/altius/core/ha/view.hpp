// SPDX-License-Identifier: PostgreSQL
// What Patroni says about each group, read from its keys.  Patroni's versions differ and keys may
// hold garbage: what can't be understood is left out and complained about, never guessed.
#pragma once

#include <map>
#include <set>

#include "altius/core/ha/layout.hpp"
#include "altius/core/txn/named_standbys.hpp"

namespace altius::core::ha {

// As much as the address book takes.
inline constexpr std::size_t kLongestName = 63;
inline constexpr std::size_t kLongestHost = 255;

struct Member {
  std::string host;
  int port = 0;
  std::string role;   // replica, master, primary, promoted, demoted, uninitialized, standby_leader
  std::string state;  // running, starting, stopping, stopped, crashed, ...
  int timeline = 0;   // 0: not said
  std::int64_t xlog = 0;  // bytes; 0: not said
  bool no_load_balance = false;
};

struct Leader {
  std::string member;
  std::int64_t revision = 0;  // of the key: grows whenever leadership is taken
};

/// A switchover or failover that somebody asked for.
struct PlannedFailover {
  std::string leader;             // the one to step down; empty: whoever leads
  std::string member;             // the one to follow; empty: any
  std::int64_t scheduled_ms = 0;  // since 1970; 0: now
  std::int64_t revision = 0;
};

struct GroupView {
  std::optional<Leader> leader;
  std::map<std::string, Member> members;
  std::uint64_t system_id = 0;  // 0: not known (yet)
  std::optional<PlannedFailover> failover;
  std::int64_t optime = 0;  // the leader's position when it last said it
  bool paused = false;
  bool synchronous = false;
  NamedStandbys sync;  // by the key sync: only these may be promoted
  std::map<std::string, std::string> complaints;  // by key
  int keys = 0;

  bool Empty() const { return keys == 0; }
};

class ClusterView {
 public:
  explicit ClusterView(KeyMap map) : map_(std::move(map)) {}

  /// Both return the group that the key belongs to.
  std::optional<int> Set(std::string_view key, std::string_view value, std::int64_t mod_revision);
  std::optional<int> Erase(std::string_view key);

  const std::map<int, GroupView>& groups() const { return groups_; }
  /// An empty view when the group has no keys.
  const GroupView& group(int number) const;

 private:
  KeyMap map_;
  std::map<int, GroupView> groups_;
  std::set<std::string, std::less<>> known_;  // keys counted in GroupView::keys
};

struct HostPort {
  std::string host;
  int port = 5432;
};
/// The address in a connection URL (postgres://HOST:PORT/db); nothing when there is none.
std::optional<HostPort> ParseConnUrl(std::string_view url);

std::optional<Member> ParseMember(std::string_view value);
/// Nothing when none is planned ("{}") or it can't be understood.
std::optional<PlannedFailover> ParseFailover(std::string_view value, std::int64_t revision);
/// Milliseconds since 1970 of "2026-11-24T03:00:00+00:00"; 0 when it is none.
std::int64_t ParseTime(std::string_view text);

}  // namespace altius::core::ha
