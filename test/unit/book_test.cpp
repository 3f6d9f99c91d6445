// SPDX-License-Identifier: PostgreSQL
#include <cstring>

#include "altius/core/route/book.hpp"
#include "catch.hpp"

using namespace altius::core;

namespace {

Whereabouts News(GroupState state, const char* member, int64_t revision, int timeline = 0,
                 uint64_t cluster = 7) {
  Whereabouts news;
  news.state = state;
  news.epoch = {cluster, revision};
  std::strcpy(news.member, member);
  std::strcpy(news.host, member);
  news.port = 5432;
  news.timeline = timeline;
  return news;
}

Entry KnownAt(const char* member, int64_t revision, int timeline) {
  Entry entry;
  REQUIRE(Apply(entry, News(GroupState::Known, member, revision, timeline)) == Applied::Moved);
  return entry;
}

}  // namespace

TEST_CASE("book: the first leader that was verified is used") {
  Entry entry;
  CHECK(Apply(entry, News(GroupState::Leaderless, "", 1)) == Applied::Same);
  CHECK_FALSE(entry.verified);
  CHECK(Apply(entry, News(GroupState::Probing, "a", 2)) == Applied::Moved);
  CHECK_FALSE(entry.verified);
  CHECK(Apply(entry, News(GroupState::Known, "a", 2, 1)) == Applied::Updated);
  CHECK(entry.verified);
  CHECK(Apply(entry, News(GroupState::Known, "a", 2, 1)) == Applied::Same);
}

TEST_CASE(
    "book: a switchover cuts connections when the leader key moves, not when the key is gone") {
  Entry entry = KnownAt("a", 10, 1);
  CHECK(Apply(entry, News(GroupState::Leaderless, "", 11)) == Applied::Updated);
  CHECK(entry.verified);
  CHECK(std::strcmp(entry.at.host, "a") == 0);
  CHECK(entry.at.epoch.revision == 10);
  CHECK(Apply(entry, News(GroupState::Probing, "b", 12)) == Applied::Moved);
  CHECK_FALSE(entry.verified);
  CHECK(Apply(entry, News(GroupState::Known, "b", 12, 2)) == Applied::Updated);
  CHECK(entry.verified);
  CHECK(entry.at.timeline == 2);
}

TEST_CASE("book: an older revision never replaces a newer one") {
  Entry entry = KnownAt("b", 12, 2);
  CHECK(Apply(entry, News(GroupState::Known, "a", 10, 1)) == Applied::Stale);
  CHECK(Apply(entry, News(GroupState::Probing, "a", 10)) == Applied::Stale);
  CHECK(Apply(entry, News(GroupState::Leaderless, "", 11)) == Applied::Stale);
  CHECK(std::strcmp(entry.at.host, "b") == 0);
}

TEST_CASE("book: another etcd cluster counts once its leader is verified") {
  Entry entry = KnownAt("a", 100, 3);
  CHECK(Apply(entry, News(GroupState::Probing, "a", 5, 0, 8)) == Applied::Stale);
  CHECK(Apply(entry, News(GroupState::Leaderless, "", 5, 0, 8)) == Applied::Stale);
  CHECK(Apply(entry, News(GroupState::Known, "a", 5, 3, 8)) == Applied::Updated);
  CHECK(entry.at.epoch.cluster == 8);
  CHECK(Apply(entry, News(GroupState::Probing, "a", 101)) == Applied::Stale);
}

TEST_CASE("book: the same server that took its key again keeps its connections") {
  Entry entry = KnownAt("a", 10, 1);
  CHECK(Apply(entry, News(GroupState::Probing, "a", 20)) == Applied::Updated);
  CHECK(entry.verified);
  CHECK(entry.at.timeline == 1);
  CHECK(Apply(entry, News(GroupState::Known, "a", 20, 1)) == Applied::Updated);
  CHECK(Apply(entry, News(GroupState::Known, "a", 20, 1)) == Applied::Same);
}

TEST_CASE("book: another timeline or another address of the same member is another life") {
  Entry entry = KnownAt("a", 10, 1);
  CHECK(Apply(entry, News(GroupState::Known, "a", 10, 2)) == Applied::Moved);
  Whereabouts elsewhere = News(GroupState::Known, "a", 10, 2);
  std::strcpy(elsewhere.host, "10.0.0.9");
  CHECK(Apply(entry, elsewhere) == Applied::Moved);
  CHECK(entry.verified);
}

TEST_CASE("book: a foreign system is not used") {
  Entry entry = KnownAt("a", 10, 1);
  entry.at.system_id = 42;
  const Whereabouts foreign = News(GroupState::Mismatch, "b", 11);
  CHECK(Apply(entry, foreign) == Applied::Moved);
  CHECK_FALSE(entry.verified);
  CHECK(Apply(entry, foreign) == Applied::Same);
}

TEST_CASE("book: while a foreign leader is named, the server that was known stays in use") {
  Entry entry = KnownAt("a", 10, 1);
  entry.at.system_id = 42;
  CHECK(Apply(entry, News(GroupState::Probing, "stranger", 11)) == Applied::Moved);
  CHECK_FALSE(entry.verified);
  Whereabouts known = News(GroupState::Mismatch, "a", 11, 1);
  known.system_id = 42;
  CHECK(Apply(entry, known) == Applied::Moved);
  CHECK(entry.verified);
  CHECK(Apply(entry, known) == Applied::Same);
}

TEST_CASE("book: keys that vanish change nothing but the state") {
  Entry entry = KnownAt("a", 10, 1);
  CHECK(Apply(entry, News(GroupState::Absent, "", 30)) == Applied::Updated);
  CHECK(Apply(entry, News(GroupState::Absent, "", 30)) == Applied::Same);
  CHECK(entry.verified);
  CHECK(Apply(entry, News(GroupState::Known, "a", 31, 1)) == Applied::Updated);
}
