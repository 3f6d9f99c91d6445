// SPDX-License-Identifier: PostgreSQL
#include "altius/core/ha/view.hpp"

#include "altius/base/error.hpp"
#include "catch.hpp"

using namespace altius::core::ha;

namespace {

std::optional<int> GroupOf(const KeyMap& map, const char* key) {
  const std::optional<Place> place = map.Locate(key);
  return place ? std::optional(place->group) : std::nullopt;
}

KeyMap Citus() { return KeyMap({Layout::Auto, "/service/", "demo", ""}); }
KeyMap Scopes(const char* map) { return KeyMap({Layout::Auto, "service", "", map}); }

}  // namespace

TEST_CASE("keys of Patroni's Citus layout") {
  const KeyMap map = Citus();
  CHECK(map.prefixes() == std::vector<std::string>{"/service/demo/"});
  CHECK(GroupOf(map, "/service/demo/0/leader") == 0);
  CHECK(GroupOf(map, "/service/demo/12/members/n1") == 12);
  CHECK(map.Locate("/service/demo/12/members/n1")->name == "members/n1");
  for (const char* key :
       {"/service/demo/leader", "/service/demo/01/leader", "/service/demo/-1/leader",
        "/service/other/0/leader", "/service/demo/x/leader", "/service/demo/99999999999/leader",
        "/service/demo/1", "", "/"}) {
    INFO(key);
    CHECK_FALSE(GroupOf(map, key).has_value());
  }
}

TEST_CASE("keys of plain scopes, by name and by pattern") {
  const KeyMap names = Scopes("coord=0, shard-1=1 ,s2=2");
  CHECK(names.prefixes() ==
        std::vector<std::string>{"/service/coord/", "/service/shard-1/", "/service/s2/"});
  CHECK(GroupOf(names, "/service/coord/leader") == 0);
  CHECK(GroupOf(names, "/service/s2/members/a") == 2);
  CHECK_FALSE(GroupOf(names, "/service/s3/leader").has_value());
  const KeyMap pattern = Scopes("coord=0,shard-{group}-eu,shard-7-eu=9");
  CHECK(pattern.prefixes()[1] == "/service/shard-");
  CHECK(GroupOf(pattern, "/service/shard-12-eu/leader") == 12);
  CHECK(GroupOf(pattern, "/service/shard-7-eu/leader") == 9);
  CHECK_FALSE(GroupOf(pattern, "/service/shard-x-eu/leader").has_value());
  CHECK_FALSE(GroupOf(pattern, "/service/shard--eu/leader").has_value());
  CHECK_FALSE(GroupOf(pattern, "/service/shard-12-us/leader").has_value());
  CHECK(KeyMap({Layout::Auto, "", "x", ""}).prefixes()[0] == "/x/");
}

TEST_CASE("maps that make no sense are refused") {
  for (const char* map :
       {"coord", "=0", "coord=", "coord=-1", "coord=01", "a/b=1", "x-{group}=1", ","}) {
    INFO(map);
    CHECK_THROWS_AS(Scopes(map), altius::Error);
  }
  CHECK_THROWS_AS(KeyMap({Layout::Citus, "service", "", "a=1"}), altius::Error);
  CHECK_THROWS_AS(KeyMap({Layout::Citus, "service", "a/b", ""}), altius::Error);
  CHECK_THROWS_AS(KeyMap({Layout::Scopes, "service", "a", ""}), altius::Error);
}

TEST_CASE("addresses in connection URLs") {
  const auto full = ParseConnUrl("postgres://10.0.0.1:5433/postgres");
  REQUIRE(full.has_value());
  CHECK(full->host == "10.0.0.1");
  CHECK(full->port == 5433);
  CHECK(ParseConnUrl("postgresql://db.example/x?y=z")->port == 5432);
  CHECK(ParseConnUrl("postgres://user:p@ss@h:1/postgres")->host == "h");
  CHECK(ParseConnUrl("postgres://[fe80::1]:5432/postgres")->host == "fe80::1");
  CHECK(ParseConnUrl("postgres://[::1]/postgres")->port == 5432);
  for (const std::string& bad :
       {std::string("http://a:1/"), std::string("postgres://"), std::string("postgres://:1/"),
        std::string("postgres://a:0/"), std::string("postgres://a:70000/"),
        std::string("postgres://a:x/"), std::string("postgres://[::1/"),
        std::string("postgres://a b:1/"), std::string("postgres://a,b:1/"),
        "postgres://" + std::string(300, 'a') + ":1/", std::string("postgres://a\0b:1/", 17)}) {
    INFO(bad);
    CHECK_FALSE(ParseConnUrl(bad).has_value());
  }
}

TEST_CASE("members of Patroni 3 and 4") {
  const auto member = ParseMember(
      R"({"conn_url":"postgres://127.0.0.1:24041/postgres","api_url":"http://127.0.0.1:24031/patroni",)"
      R"("state":"running","role":"master","version":"3.0.2","xlog_location":67108960,"timeline":2})");
  REQUIRE(member.has_value());
  CHECK(member->role == "master");
  CHECK(member->timeline == 2);
  CHECK(member->xlog == 67108960);
  CHECK_FALSE(member->no_load_balance);
  CHECK(
      ParseMember(
          R"({"conn_url":"postgres://h/","tags":{"noloadbalance":true,"x":[]},"replication_state":"streaming"})")
          ->no_load_balance);
  CHECK(ParseMember(
            R"({"conn_url":"postgres://h/","timeline":"x","xlog_location":-5,"state":7,"tags":3})")
            ->timeline == 0);
  for (const char* bad :
       {"", "n1", "{}", "[]", R"({"conn_url":7})", R"({"conn_url":"postgres://:"})"})
    CHECK_FALSE(ParseMember(bad).has_value());
}

TEST_CASE("planned switchovers") {
  CHECK_FALSE(ParseFailover("{}", 1).has_value());
  CHECK_FALSE(ParseFailover("garbage", 1).has_value());
  const auto now = ParseFailover(R"({"leader":"n1","member":"n2"})", 7);
  REQUIRE(now.has_value());
  CHECK(now->scheduled_ms == 0);
  CHECK(now->revision == 7);
  CHECK(ParseFailover(R"({"leader":"n1","scheduled_at":"2026-11-24T03:00:00+00:00"})", 1)
            ->scheduled_ms == 1795489200000);
  CHECK_FALSE(ParseFailover(R"({"leader":"n1","scheduled_at":"some day"})", 1).has_value());
}

TEST_CASE("times") {
  CHECK(ParseTime("1970-01-01T00:00:00Z") == 0);
  CHECK(ParseTime("1970-01-02 00:00:00") == 86400000);
  CHECK(ParseTime("2000-02-29T12:00:00.123456+02:00") == 951818400000);
  CHECK(ParseTime("2024-12-31T23:59:59-0330") == 1735702199000);
  for (const char* bad : {"", "2024", "2024-13-01T00:00:00", "2024-01-01T25:00:00",
                          "2024-01-01T00:00:00+xx", "2024-01-01T00:00:00Zx"}) {
    INFO(bad);
    CHECK(ParseTime(bad) == 0);
  }
}

TEST_CASE("a view follows its keys") {
  ClusterView view(Citus());
  CHECK(view.Set("/service/demo/1/leader", "n1", 5) == 1);
  CHECK(view.Set("/service/demo/1/members/n1",
                 R"({"conn_url":"postgres://a:1/x","role":"master","state":"running"})", 6) == 1);
  CHECK(view.Set("/service/demo/1/initialize", "7123456789012345678", 2) == 1);
  CHECK(view.Set("/service/demo/1/status", R"({"optime":100,"slots":{}})", 7) == 1);
  CHECK(view.Set("/service/demo/1/config", R"({"pause":true,"synchronous_mode":"quorum"})", 3) ==
        1);
  CHECK(view.Set("/service/demo/1/history", "[[1,2]]", 3) == 1);
  CHECK_FALSE(view.Set("/service/demo/config", "{}", 3).has_value());
  const GroupView& group = view.group(1);
  CHECK(group.leader->member == "n1");
  CHECK(group.leader->revision == 5);
  CHECK(group.members.at("n1").port == 1);
  CHECK(group.system_id == 7123456789012345678U);
  CHECK(group.optime == 100);
  CHECK(group.paused);
  CHECK(group.synchronous);
  CHECK(group.keys == 6);
  view.Set("/service/demo/1/leader", "n1", 9);
  CHECK(group.keys == 6);
  for (const char* key : {"leader", "members/n1", "initialize", "status", "config", "history"}) {
    CHECK(view.Erase("/service/demo/1/" + std::string(key)) == 1);
  }
  CHECK_FALSE(view.Erase("/service/demo/1/leader").has_value());
  CHECK(group.Empty());
  CHECK_FALSE(group.leader.has_value());
  CHECK(group.members.empty());
  CHECK(view.group(77).Empty());
}

TEST_CASE("garbage in keys is complained about and changes nothing else") {
  ClusterView view(Citus());
  view.Set("/service/demo/1/leader", "n1", 5);
  view.Set("/service/demo/1/leader", std::string(64, 'x'), 6);
  CHECK_FALSE(view.group(1).leader.has_value());
  view.Set("/service/demo/1/leader", "", 7);
  view.Set("/service/demo/1/members/n1", "{{{", 8);
  view.Set("/service/demo/1/members/n2", "\xff\xfe", 8);
  view.Set("/service/demo/1/members/", R"({"conn_url":"postgres://a:1/x"})", 8);
  view.Set("/service/demo/1/config", "\x00\x01", 8);
  view.Set("/service/demo/1/initialize", "abc", 8);
  view.Set("/service/demo/1/status", "-", 8);
  CHECK(view.group(1).members.empty());
  CHECK(view.group(1).system_id == 0);
  CHECK(view.group(1).complaints.size() == 5);
  view.Set("/service/demo/1/leader", "n1", 9);
  view.Set("/service/demo/1/members/n1", R"({"conn_url":"postgres://a:1/x"})", 9);
  view.Erase("/service/demo/1/members/n2");
  CHECK(view.group(1).complaints.size() == 2);
}

TEST_CASE("the key sync says whether another member may be promoted") {
  ClusterView view(Citus());
  const auto named = [&] { return view.group(1).sync.needed > 0; };
  CHECK_FALSE(named());
  view.Set("/service/demo/1/sync", R"({"leader":"a","sync_standby":"b"})", 1);
  CHECK(named());
  for (const char* nobody : {R"({"leader":"a","sync_standby":null})", R"({"leader":"a","sync_standby":""})", R"({"leader":"a"})"}) {
    INFO(nobody);
    view.Set("/service/demo/1/sync", nobody, 2);
    CHECK_FALSE(named());
  }
  view.Set("/service/demo/1/sync", "{not JSON", 3);
  CHECK(named());  // it may say anything
  view.Erase("/service/demo/1/sync");
  CHECK_FALSE(named());
}
