// SPDX-License-Identifier: PostgreSQL
#include "altius/core/route/book.hpp"

#include <cstring>

namespace altius::core {

namespace {

bool SameAddress(const Whereabouts& a, const Whereabouts& b) noexcept {
  return a.port == b.port && std::strcmp(a.host, b.host) == 0 &&
         std::strcmp(a.member, b.member) == 0;
}

/// An older revision never replaces a newer one.  Revisions of two etcd clusters can't be compared:
/// those of another one count once the server they name was verified.
bool IsStale(const Entry& entry, const Whereabouts& news) noexcept {
  if (entry.at.epoch.cluster == 0) return false;
  if (news.epoch.cluster == entry.at.epoch.cluster)
    return news.epoch.revision < entry.at.epoch.revision;
  return news.state != GroupState::Known;
}

/// The leader is gone and nobody has taken over: what is known stays in force.
Applied LoseLeader(Entry& entry, GroupState state) noexcept {
  if (entry.at.state == state) return Applied::Same;
  if (entry.at.state == GroupState::Unknown) return Applied::Same;
  // A leader that was being looked at is gone before it was found fit: nobody is known to be
  // primary.
  entry.at.state = state;
  return Applied::Updated;
}

/// A foreign leader is named, and the news are of the server that was known before.
bool IsKnownBeside(const Whereabouts& news) noexcept {
  return news.state == GroupState::Mismatch && news.system_id != 0;
}

void Take(Entry& entry, const Whereabouts& news) noexcept {
  const Whereabouts before = entry.at;
  entry.at = news;
  if (!SameAddress(before, news)) return;
  if (news.timeline == 0) entry.at.timeline = before.timeline;
  if (news.system_id == 0) entry.at.system_id = before.system_id;
}

}  // namespace

bool SameServer(const Whereabouts& a, const Whereabouts& b) noexcept {
  const bool one_life = a.timeline == 0 || b.timeline == 0 || a.timeline == b.timeline;
  const bool one_system = a.system_id == 0 || b.system_id == 0 || a.system_id == b.system_id;
  return SameAddress(a, b) && one_life && one_system;
}

Applied Apply(Entry& entry, const Whereabouts& news) noexcept {
  if (IsStale(entry, news)) return Applied::Stale;
  if (news.state == GroupState::Unknown) return Applied::Stale;
  if (news.state == GroupState::Leaderless || news.state == GroupState::Absent)
    return LoseLeader(entry, news.state);

  const bool first = entry.at.state == GroupState::Unknown;
  const bool same = !first && SameServer(entry.at, news);
  const bool verified = news.state == GroupState::Known || IsKnownBeside(news) ||
                        (news.state == GroupState::Probing && same && entry.verified);
  const bool nothing_new = same && verified == entry.verified && entry.at.state == news.state &&
                           entry.at.epoch == news.epoch &&
                           (news.timeline == 0 || entry.at.timeline == news.timeline) &&
                           (news.system_id == 0 || entry.at.system_id == news.system_id);
  if (nothing_new) return Applied::Same;
  const bool cut = !same || (entry.verified && !verified);
  Take(entry, news);
  entry.verified = verified;
  return cut ? Applied::Moved : Applied::Updated;
}

bool IsNobody(const char* host) noexcept {
  constexpr const char* kSuffix = "-demoted";
  const size_t length = std::strlen(host);
  const size_t suffix = std::strlen(kSuffix);
  return length >= suffix && std::strcmp(host + length - suffix, kSuffix) == 0;
}

const char* NameOf(GroupState state) noexcept {
  switch (state) {
    case GroupState::Unknown:
      return "unknown";
    case GroupState::Known:
      return "known";
    case GroupState::Leaderless:
      return "leaderless";
    case GroupState::Probing:
      return "probing";
    case GroupState::Absent:
      return "absent";
    case GroupState::Mismatch:
      return "mismatch";
  }
  return "unknown";
}

}  // namespace altius::core
