// SPDX-License-Identifier: PostgreSQL
// Whether the standbys that Patroni names in its key "sync", the only ones it promotes, have flushed something, by the walsenders
// that serve them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace altius::core {

/// Whoever is promoted has what `needed` of them have.
struct NamedStandbys {
  std::vector<std::string> names;
  int needed = 0;  // more than there are names: not understood, so nobody can say that they have it

  bool operator==(const NamedStandbys&) const = default;
};

/// From the key's "sync_standby" ("a,b"), and "quorum", which is how many of the others a standby must have heard of to be promoted.
NamedStandbys ReadNamedStandbys(std::string_view list, std::int64_t quorum);

/// A walsender, by the name that its standby has given.
struct Client {
  int pid;
  std::string_view name;
};

/// A walsender of the standby of that number in NamedStandbys.
struct NamedSender {
  int pid;
  int standby;
};

/// Names are compared as in synchronous_standby_names: without regard to case.
std::vector<NamedSender> SendersOf(const NamedStandbys& standbys, std::span<const Client> clients);

/// A walsender that streams, and how far its standby is.
struct Progress {
  int pid;
  std::uint64_t position;
};

/// Of several walsenders of one standby the furthest counts, as for PostgreSQL.
bool HaveNamed(std::span<const NamedSender> senders, int needed, std::span<const Progress> all, std::uint64_t end) noexcept;

}  // namespace altius::core
