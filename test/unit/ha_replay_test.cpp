// SPDX-License-Identifier: PostgreSQL
// Streams recorded from a real etcd while a real Patroni 3.0.2 (two members, plain scope "shard-1")
// was bootstrapped, switched over (n1 to n2), had its PostgreSQL killed, lost the whole leader
// (n2), got it back, was paused and resumed, and was stopped.
#include <fstream>
#include <string>

#include "altius/core/etcd/messages.hpp"
#include "altius/core/ha/group.hpp"
#include "catch.hpp"

using namespace altius::core;
using namespace altius::core::ha;

namespace {

struct Replay {
  Replay() : view(KeyMap({Layout::Scopes, "service", "", "shard-{group}"})) {}

  void Take(const etcd::Event& event) {
    const std::optional<int> group =
        event.deleted ? view.Erase(event.kv.key)
                      : view.Set(event.kv.key, event.kv.value, event.kv.mod_revision);
    REQUIRE(group == 1);
  }

  /// Decides until nothing more happens; each server that is asked answers, after some looks, that
  /// it writes.
  void Settle() {
    for (int look = 0; look < 10; look++) {
      around.now += 5;
      around.verdict.reset();
      if (WantsProbe(memory)) {
        const auto member = view.group(1).members.find(memory.target.member);
        const int announced = member == view.group(1).members.end() ? 0 : member->second.timeline;
        const int timeline = std::max(TimelineAt(memory.target.epoch.revision), announced);
        around.verdict = Verdict{look < 3 ? Verdict::Kind::InRecovery : Verdict::Kind::Primary,
                                 memory.target.epoch,
                                 memory.target.host,
                                 memory.target.port,
                                 view.group(1).system_id,
                                 timeline,
                                 {}};
      }
      const Decision decision = Decide(memory, view.group(1), around);
      memory = decision.next;
      for (const std::string& warning : decision.warnings) warnings += warning + "\n";
      if (decision.publish || decision.gate) Note();
    }
  }
  /// What the servers were on when the leader key of this revision was written.
  static int TimelineAt(std::int64_t leader_revision) {
    if (leader_revision >= 63) return 4;
    return leader_revision >= 34 ? 2 : 1;
  }
  void Note() {
    std::string now = NameOf(memory.state);
    if (memory.state == GroupState::Probing) now += " " + memory.target.member;
    if (memory.state == GroupState::Known) now += " " + memory.known.member;
    if (memory.gated) now += " gated";
    if (story.empty() || story.back() != now) story.push_back(now);
  }

  ClusterView view;
  GroupMemory memory;
  Surroundings around{.etcd = 77, .sync = 1, .now = 0, .wall_ms = 0, .verdict = {}, .policy = {}};
  std::vector<std::string> story;
  std::string warnings;
};

std::vector<etcd::WatchMessage> Recorded(const char* name) {
  std::ifstream file(std::string(ALTIUS_RECORDED) + "/" + name);
  std::vector<etcd::WatchMessage> messages;
  for (std::string line; std::getline(file, line);)
    messages.push_back(etcd::ParseWatchMessage(line).value());
  return messages;
}

}  // namespace

TEST_CASE("replay: event by event, each leader is found") {
  Replay replay;
  const auto messages = Recorded("patroni-3.0.2-plain.json");
  REQUIRE(messages.size() > 100);
  for (const etcd::WatchMessage& message : messages) {
    for (const etcd::Event& event : message.events) replay.Take(event);
    replay.Settle();
  }
  const std::vector<std::string> expected = {
      "probing n1",     "known n1",                                          // bootstrap
      "known n1 gated", "leaderless gated", "probing n2 gated", "known n2",  // switchover
      "probing n2",     "known n2",                      // PostgreSQL crashed: a new timeline
      "leaderless",     "probing n1",       "known n1",  // the leader was killed
      "leaderless"};                                     // all were stopped
  CHECK(replay.story == expected);
  CHECK(replay.warnings.empty());
  CHECK(replay.memory.known.member == "n1");
}

TEST_CASE("replay: all at once leads to where event by event does, without the way") {
  const auto messages = Recorded("patroni-3.0.2-plain.json");
  Replay slow;
  for (std::size_t count = 0; count < messages.size(); count++) {
    for (const etcd::Event& event : messages[count].events) slow.Take(event);
    slow.Settle();
    if (count % 10 != 0) continue;
    Replay fast;
    for (std::size_t i = 0; i <= count; i++) {
      for (const etcd::Event& event : messages[i].events) fast.Take(event);
    }
    fast.Settle();
    CHECK(fast.memory.target.member == slow.memory.target.member);
    if (slow.memory.state == GroupState::Known) CHECK(fast.memory.known == slow.memory.known);
    CHECK(fast.story.size() <= 3);
  }
}
