// SPDX-License-Identifier: PostgreSQL
// Decisions about a group, one situation after the other; at the end every rule and state must have
// been seen.
#include "altius/core/ha/group.hpp"

#include <string>

#include "catch.hpp"

using namespace altius::core;
using namespace altius::core::ha;

namespace {

constexpr std::uint64_t kSystem = 7000;
std::set<std::string> rules_seen;
std::set<GroupState> states_seen;

std::string MemberJson(int port, const char* role, int timeline, std::int64_t xlog = 0) {
  return "{\"conn_url\":\"postgres://h:" + std::to_string(port) +
         "/postgres\",\"state\":\"running\",\"role\":\"" + role +
         "\",\"timeline\":" + std::to_string(timeline) +
         ",\"xlog_location\":" + std::to_string(xlog) + "}";
}

struct Scene {
  Scene() : view(KeyMap({Layout::Citus, "service", "demo", ""})) {
    Put("initialize", std::to_string(kSystem));
    Put("members/n1", MemberJson(1, "master", 1));
    Put("members/n2", MemberJson(2, "replica", 1));
  }
  void Put(const std::string& key, const std::string& value) {
    view.Set("/service/demo/1/" + key, value, ++revision);
  }
  void Erase(const std::string& key) { view.Erase("/service/demo/1/" + key); }
  Decision Step(std::optional<Verdict> verdict = {}) {
    around.verdict = std::move(verdict);
    Decision decision = Decide(memory, view.group(1), around);
    memory = decision.next;
    for (const char* rule : decision.rules) rules_seen.insert(rule);
    states_seen.insert(memory.state);
    last = decision;
    return decision;
  }
  Verdict Found(Verdict::Kind kind, int timeline = 1, std::uint64_t system = kSystem) const {
    return {kind,     memory.target.epoch, memory.target.host, memory.target.port, system, timeline,
            "refused"};
  }
  Verdict Primary(int timeline = 1) const { return Found(Verdict::Kind::Primary, timeline); }
  /// n1 leads and is known.
  void Begin() {
    Put("leader", "n1");
    Step();
    REQUIRE(memory.state == GroupState::Probing);
    Step(Primary());
    REQUIRE(memory.state == GroupState::Known);
  }

  ClusterView view;
  std::int64_t revision = 10;
  GroupMemory memory;
  Surroundings around{
      .etcd = 77, .sync = 1, .now = 1000, .wall_ms = 1795489200000, .verdict = {}, .policy = {}};
  Decision last;
};

}  // namespace

TEST_CASE("ha: a leader is used once it was verified") {
  Scene scene;
  CHECK_FALSE(scene.Step().publish);
  CHECK(scene.memory.state == GroupState::Unknown);
  scene.Put("leader", "n1");
  const Decision named = scene.Step();
  CHECK(named.publish);
  CHECK_FALSE(named.verified);
  CHECK(WantsProbe(named.next));
  const Whereabouts probing = Publication(named.next);
  CHECK(probing.state == GroupState::Probing);
  CHECK(probing.port == 1);
  CHECK(probing.epoch == Epoch{77, scene.revision});
  CHECK(probing.system_id == 0);

  CHECK_FALSE(scene.Step(scene.Found(Verdict::Kind::Unreachable)).publish);
  CHECK(scene.memory.note == "h:1: refused");
  scene.Step(scene.Found(Verdict::Kind::InRecovery));
  CHECK(scene.memory.note == "h:1 is in recovery");
  CHECK(scene.memory.state == GroupState::Probing);
  const Decision verified = scene.Step(scene.Primary());
  CHECK(verified.verified);
  CHECK(verified.moved);
  const Whereabouts known = Publication(scene.memory);
  CHECK(known.state == GroupState::Known);
  CHECK(std::string(known.member) == "n1");
  CHECK(std::string(known.host) == "h");
  CHECK(known.timeline == 1);
  CHECK(known.system_id == kSystem);
  CHECK_FALSE(scene.Step().publish);
  CHECK_FALSE(WantsProbe(scene.memory));
}

TEST_CASE("ha: a switchover: gate, no leader, new leader, verified") {
  Scene scene;
  scene.Begin();
  scene.Put("failover", R"({"leader":"n1","member":"n2"})");
  CHECK(scene.Step().gate);
  CHECK(scene.memory.gated);
  CHECK(NextLook(scene.memory, scene.view.group(1), scene.around) == scene.memory.gated_until);
  scene.Erase("leader");
  scene.Step();
  CHECK(scene.memory.state == GroupState::Leaderless);
  CHECK(scene.memory.gated);
  CHECK(Publication(scene.memory).epoch == Epoch{77, 14});
  scene.Put("leader", "n2");
  scene.Step();
  CHECK(scene.memory.state == GroupState::Probing);
  CHECK(scene.memory.target.port == 2);
  scene.Put("failover", "{}");
  CHECK_FALSE(scene.Step().gate);
  scene.Step(scene.Found(Verdict::Kind::InRecovery));
  const Decision done = scene.Step(scene.Primary(2));
  CHECK(done.gate);
  CHECK_FALSE(scene.memory.gated);
  CHECK(done.moved);
  CHECK(scene.memory.known.member == "n2");
  CHECK(scene.memory.timeline == 2);
}

TEST_CASE("ha: a switchover that does not happen opens the gate again") {
  Scene scene;
  scene.Begin();
  scene.Put("failover", R"({"leader":"n1","member":"n2"})");
  scene.Step();
  SECTION("withdrawn") {
    scene.Put("failover", "{}");
    CHECK(scene.Step().gate);
  }
  SECTION("too slow") {
    scene.around.now = scene.memory.gated_until;
    CHECK(scene.Step().gate);
    CHECK_FALSE(scene.Step().gate);  // the same key does not close it again
    CHECK_FALSE(NextLook(scene.memory, scene.view.group(1), scene.around).has_value());
    scene.Put("failover", R"({"leader":"n1","member":"n2"})");
    CHECK(scene.Step().gate);  // another one does
    return;
  }
  SECTION("the keys vanish") {
    for (const char* key : {"failover", "initialize", "members/n1", "members/n2", "leader"})
      scene.Erase(key);
    CHECK(scene.Step().gate);
  }
  CHECK_FALSE(scene.memory.gated);
}

TEST_CASE("ha: switchovers that are not about the leader close no gate") {
  Scene scene;
  scene.Begin();
  for (const char* failover :
       {R"({"leader":"n2","member":"n1"})", R"({"member":"n1"})", "{}", "x"}) {
    scene.Put("failover", failover);
    CHECK_FALSE(scene.Step().gate);
  }
  scene.around.policy.gate = false;
  scene.Put("failover", R"({"leader":"n1"})");
  CHECK_FALSE(scene.Step().gate);
}

TEST_CASE("ha: a scheduled switchover closes the gate shortly before") {
  Scene scene;
  scene.Begin();
  scene.Put("failover",
            R"({"leader":"n1","member":"n2","scheduled_at":"2026-11-24T03:00:10+00:00"})");
  CHECK_FALSE(scene.Step().gate);
  CHECK(NextLook(scene.memory, scene.view.group(1), scene.around) == scene.around.now + 9800);
  scene.around.wall_ms += 9800;
  scene.around.now += 9800;
  CHECK(scene.Step().gate);
}

TEST_CASE("ha: what a probe says counts for its own target only") {
  Scene scene;
  scene.Begin();
  scene.Put("leader", "n2");
  scene.Step();
  const Verdict of_first = scene.Primary();
  scene.Put("leader", "n1");
  scene.Step();
  CHECK_FALSE(scene.Step(of_first).verified);
  Verdict old_epoch = scene.Primary();
  old_epoch.epoch.revision--;
  CHECK_FALSE(scene.Step(old_epoch).verified);
  CHECK(scene.memory.state == GroupState::Probing);
  CHECK(scene.Step(scene.Primary()).verified);
}

TEST_CASE("ha: a server of another system is not used") {
  Scene scene;
  scene.Begin();
  scene.Put("leader", "n2");
  scene.Step();
  scene.Step(scene.Found(Verdict::Kind::Primary, 2, 8000));
  CHECK(scene.memory.state == GroupState::Mismatch);
  CHECK(scene.last.warnings.size() == 1);
  // Meanwhile the one that was known is.
  CHECK(std::string(Publication(scene.memory).member) == "n1");
  CHECK(Publication(scene.memory).system_id == scene.memory.system_id);
  CHECK(WantsProbe(scene.memory));
  CHECK(ProbePause(scene.memory, scene.around.now, 5) == 5000);
  CHECK(scene.Step(scene.Found(Verdict::Kind::Primary, 2, 8000)).warnings.empty());
  // Re-initialised on purpose or not: the stored system counts, not what is in etcd now.
  scene.Put("initialize", "8000");
  scene.Step(scene.Found(Verdict::Kind::Primary, 2, 8000));
  CHECK(scene.memory.state == GroupState::Mismatch);
  SECTION("until it is the right one") {
    scene.Step(scene.Primary(2));
    CHECK(scene.memory.state == GroupState::Known);
  }
  SECTION("or somebody else leads") {
    scene.Put("leader", "n1");
    scene.Step();
    CHECK(scene.memory.state == GroupState::Probing);
  }
}

TEST_CASE("ha: a leader that was no standby cuts nothing before it was looked at") {
  Scene scene;
  scene.Begin();
  scene.Put("members/n3", MemberJson(3, "master", 1));
  scene.Put("leader", "n3");
  scene.Step();
  CHECK(scene.memory.state == GroupState::Probing);
  CHECK(scene.last.publish);
  Whereabouts at = Publication(scene.memory);
  CHECK(std::string(at.member) == "n1");
  CHECK(at.port == 1);
  CHECK(at.timeline == 1);
  CHECK(at.epoch == scene.memory.target.epoch);
  CHECK(NextLook(scene.memory, scene.view.group(1), scene.around) == scene.around.now + 250);
  const auto cut = [&] { return Publication(scene.memory).port == 3; };
  SECTION("another system's is never used") {
    scene.Step(scene.Found(Verdict::Kind::Primary, 2, 8000));
    CHECK(scene.memory.state == GroupState::Mismatch);
    CHECK(std::string(Publication(scene.memory).member) == "n1");
  }
  SECTION("one of ours takes over: when it is primary") {
    scene.Step(scene.Primary(2));
    CHECK(scene.memory.state == GroupState::Known);
    CHECK(cut());
  }
  SECTION("... when it is still a standby") {
    scene.Step(scene.Found(Verdict::Kind::InRecovery));
    CHECK(scene.memory.state == GroupState::Probing);
    CHECK(scene.last.publish);
    CHECK(cut());
  }
  SECTION("... and when it does not answer soon") {
    scene.Step(scene.Found(Verdict::Kind::Unreachable));
    CHECK_FALSE(cut());
    scene.around.now += 250;
    scene.Step();
    CHECK(scene.last.publish);
    CHECK(cut());
  }
  SECTION("nobody leads any more") {
    scene.Erase("leader");
    scene.Step();
    CHECK(scene.memory.state == GroupState::Leaderless);
    CHECK_FALSE(scene.memory.doubtful);
  }
}

TEST_CASE("ha: the first time, Patroni's initialize key says which system it is") {
  Scene scene;
  scene.Put("leader", "n1");
  scene.Step();
  scene.Step(scene.Found(Verdict::Kind::InRecovery, 1, 1));
  CHECK(scene.memory.state == GroupState::Mismatch);
}

TEST_CASE("ha: an older timeline is not used, unless etcd was rebuilt") {
  Scene scene;
  scene.Begin();
  scene.memory.timeline = 5;
  scene.Put("leader", "n2");
  scene.Step();
  SECTION("one etcd") {
    CHECK(scene.Step(scene.Primary(4)).warnings.size() == 1);
    CHECK(scene.Step(scene.Primary(4)).warnings.empty());
    CHECK(scene.memory.state == GroupState::Probing);
    scene.Step(scene.Primary(6));
    CHECK(scene.memory.timeline == 6);
  }
  SECTION("another one") {
    scene.around.etcd = 78;
    scene.Step();
    CHECK(scene.Step(scene.Primary(4)).warnings.size() == 1);
    CHECK(scene.memory.state == GroupState::Known);
  }
}

TEST_CASE("ha: keys that vanish change no address") {
  Scene scene;
  scene.Begin();
  for (const char* key : {"leader", "initialize", "members/n1", "members/n2"}) scene.Erase(key);
  CHECK(scene.Step().warnings.size() == 1);
  CHECK(scene.memory.state == GroupState::Absent);
  CHECK(scene.memory.known.member == "n1");
  scene.Put("initialize", std::to_string(kSystem));
  scene.Step();
  CHECK(scene.memory.state == GroupState::Leaderless);
  scene.Put("members/n1", MemberJson(1, "master", 1));
  scene.Put("leader", "n1");
  scene.Step();
  CHECK(scene.memory.state == GroupState::Probing);
  CHECK(scene.Step(scene.Primary()).verified);
}

TEST_CASE("ha: a leader without an address") {
  Scene scene;
  scene.Begin();
  scene.Put("leader", "n9");
  CHECK(scene.Step().warnings.size() == 1);
  CHECK(scene.memory.state == GroupState::Leaderless);
  CHECK(scene.Step().rules.empty());
  scene.Put("members/n9", MemberJson(9, "replica", 1));
  scene.Step();
  CHECK(scene.memory.target.port == 9);
  // The key of the known leader's address may go without harm.
  scene.Step(scene.Primary());
  scene.Erase("members/n9");
  CHECK(scene.Step().rules.empty());
  CHECK(scene.memory.state == GroupState::Known);
}

TEST_CASE("ha: the same member somewhere else, or leading again, is looked at") {
  Scene scene;
  scene.Begin();
  SECTION("another address") {
    scene.Put("members/n1", MemberJson(11, "master", 1));
    scene.Step();
    CHECK(scene.memory.target.port == 11);
  }
  SECTION("another epoch") {
    scene.Put("leader", "n1");
    scene.Step();
    CHECK(Publication(scene.memory).epoch.revision == scene.revision);
  }
  SECTION("etcd was away") {
    scene.around.sync++;
    scene.Step();
  }
  SECTION("its own key tells of a crash") {
    scene.Put("members/n1", MemberJson(1, "master", 2));
    scene.Step();
    CHECK(scene.memory.state == GroupState::Probing);
    CHECK(scene.Step(scene.Primary(1)).moved == false);
    CHECK(scene.Step().rules.empty());  // looked at once
    return;
  }
  CHECK(scene.memory.state == GroupState::Probing);
  CHECK(scene.Step(scene.Primary()).verified);
}

TEST_CASE("ha: probes become rarer") {
  Scene scene;
  scene.Put("leader", "n1");
  scene.Step();
  CHECK(ProbePause(scene.memory, 1000, 5) == 5);
  CHECK(ProbePause(scene.memory, 2999, 5) == 5);
  CHECK(ProbePause(scene.memory, 3000, 5) == 50);
  CHECK(ProbePause(scene.memory, 11000, 5) == 500);
  CHECK(ProbePause(scene.memory, 11000, 900) == 900);
}

TEST_CASE("ha: replicas and their lag") {
  Scene scene;
  scene.Begin();
  scene.Put("members/n2", MemberJson(2, "replica", 1, 900));
  scene.Put(
      "members/n3",
      R"({"conn_url":"postgres://h:3/x","state":"running","role":"replica","tags":{"noloadbalance":true}})");
  scene.Put("members/n4", R"({"conn_url":"postgres://h:4/x","state":"starting","role":"replica"})");
  scene.Put("members/n5", MemberJson(5, "replica", 7));
  scene.Put("members/n6", MemberJson(6, "uninitialized", 0));
  scene.Put("status", R"({"optime":1000})");
  const auto replicas = Replicas(scene.memory, scene.view.group(1));
  REQUIRE(replicas.size() == 4);
  CHECK(replicas[0].member == "n2");
  CHECK(replicas[0].lag == 100);
  CHECK(replicas[0].usable);
  CHECK_FALSE(replicas[1].usable);
  CHECK(replicas[1].lag == -1);
  CHECK_FALSE(replicas[2].usable);
  CHECK_FALSE(replicas[3].usable);
}

TEST_CASE("ha: every rule and every state was reached") {
  if (states_seen.empty()) return;  // run alone
  for (const char* rule : RuleNames()) {
    INFO(rule);
    CHECK(rules_seen.contains(rule));
  }
  CHECK(states_seen.size() == 6);
}
