// SPDX-License-Identifier: PostgreSQL
// Who is told that a transaction is committed: every interleaving of a commit with the server's Patroni that dies and comes back,
// its standby that is promoted, and a follower that hears of it late.
#include "altius/core/txn/acknowledge.hpp"
#include "altius/core/txn/named_standbys.hpp"

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "../catch.hpp"

using namespace altius::core;

namespace {

enum class Key : std::uint8_t { Old, Nobody, New };          // whom the leader key names
enum class Commit : std::uint8_t { Open, Waiting, Ended, Told, Withheld, Counted };
constexpr std::int8_t kNone = -1;

/// The old primary, its two standbys, etcd, and the follower and a backend of the old primary.
struct World {
  Key key = Key::Old;
  bool patroni = true;         // of the old primary
  std::int8_t names = 0;       // synchronous_standby_names, as the server uses it: a standby, or kNone
  std::int8_t sync_key = 0;    // whom Patroni's key names: only that one may be promoted
  std::int8_t promoted = kNone;
  bool accepts = false;        // the promoted one accepts writes
  std::array<bool, 2> streaming{true, true};
  std::array<bool, 2> has_it{};  // the standby has the commit, and has said so
  bool names_before = false;   // the names are those that the commit waits for
  bool canceled = false;       // by the client, who was warned
  Commit commit = Commit::Open;
  SyncWait wait = SyncWait::NotWanted;
  Lead lead = Lead::Unsure;    // as the follower has published it, with the standby that the key names
  std::int8_t named = kNone;
  std::uint8_t looks = 0;      // since the wait ended
  std::uint8_t asking = 0;     // a request to etcd: 0 none, 1 sent, 2 served
  Lead answer = Lead::Unsure;
  std::int8_t answer_named = kNone;

  auto operator<=>(const World&) const = default;
};

struct Options {
  std::uint64_t looks_needed = kLooksNeeded;
  bool trusts_cancel = true;
  bool any_standby = false;  // whoever has it counts, also who is not named
};

Lead Truth(const World& w) {
  if (w.key == Key::Old) return w.sync_key == kNone ? Lead::Sole : Lead::Leads;
  return w.key == Key::New && w.accepts ? Lead::Lost : Lead::Unsure;
}

void EndWait(World& w, SyncWait how) {
  w.wait = how;
  w.commit = Commit::Ended;
  w.looks = 0;
}

void SetNames(World& w, std::int8_t names) {
  w.names = names;
  w.names_before = false;
}

struct Step {
  std::function<bool(const World&)> may;
  std::function<void(World&)> act;
};

std::vector<Step> PatroniSteps() {
  return {
      {[](const World& w) { return w.patroni; }, [](World& w) { w.patroni = false; }},
      {[](const World& w) { return !w.patroni && w.key == Key::Old; }, [](World& w) { w.key = Key::Nobody; }},
      {[](const World& w) { return w.key == Key::Nobody && w.sync_key != kNone; },
       [](World& w) { w.key = Key::New, w.promoted = w.sync_key, w.streaming = {}; }},
      {[](const World& w) { return w.key == Key::New && !w.accepts; }, [](World& w) { w.accepts = true; }},
      // It comes back, whoever leads by now, and begins without the names.
      {[](const World& w) { return !w.patroni; }, [](World& w) { w.patroni = true, SetNames(w, kNone); }},
      {[](const World& w) { return w.patroni && w.key == Key::Nobody; }, [](World& w) { w.key = Key::Old; }},
      // The leader sets them anew, or does without the standby: the key first, then the names.
      {[](const World& w) { return w.patroni && w.key == Key::Old && w.sync_key != kNone && w.names == kNone; },
       [](World& w) { SetNames(w, w.sync_key); }},
      {[](const World& w) { return w.patroni && w.key == Key::Old && w.sync_key != kNone; }, [](World& w) { w.sync_key = kNone; }},
      {[](const World& w) { return w.patroni && w.key == Key::Old && w.sync_key == kNone && w.names != kNone; },
       [](World& w) { SetNames(w, kNone); }},
  };
}

/// What befalls one standby, and how the leader takes it for its synchronous one: the names first, the key once it has caught up with
/// what was there when they were set.
std::vector<Step> StandbySteps(std::int8_t s) {
  const auto i = static_cast<std::size_t>(s);
  return {
      {[=](const World& w) { return w.streaming[i]; }, [=](World& w) { w.streaming[i] = false; }},
      {[=](const World& w) { return w.key == Key::Old && !w.streaming[i]; }, [=](World& w) { w.streaming[i] = true; }},
      {[=](const World& w) { return w.patroni && w.key == Key::Old && w.sync_key == kNone && w.names != s && w.streaming[i]; },
       [=](World& w) { SetNames(w, s); }},
      {[=](const World& w) {
         const bool caught_up = w.commit == Commit::Open || w.has_it[i] || w.names_before;
         return w.patroni && w.key == Key::Old && w.names == s && w.streaming[i] && w.sync_key == kNone && caught_up;
       },
       [=](World& w) { w.sync_key = s; }},
      {[=](const World& w) { return w.commit != Commit::Open && w.streaming[i] && !w.has_it[i]; }, [=](World& w) { w.has_it[i] = true; }},
      {[=](const World& w) { return w.commit == Commit::Waiting && w.names == s && w.has_it[i] && w.streaming[i]; },
       [](World& w) { EndWait(w, SyncWait::Confirmed); }},
      {[=](const World& w) {
         return w.commit == Commit::Ended && w.wait != SyncWait::NotWanted && w.names == s && w.has_it[i] && w.streaming[i];
       },
       [](World& w) { w.wait = SyncWait::Confirmed; }},
  };
}

std::vector<Step> CommitSteps() {
  return {
      {[](const World& w) { return w.commit == Commit::Open && MayBegin(w.lead); },
       [](World& w) {
         w.commit = Commit::Waiting;
         w.names_before = w.names != kNone;
         if (w.names == kNone) EndWait(w, SyncWait::NotWanted);
       }},
      {[](const World& w) { return w.commit == Commit::Waiting && w.names == kNone; }, [](World& w) { EndWait(w, SyncWait::Dropped); }},
      {[](const World& w) { return w.commit == Commit::Waiting && w.names != kNone; },
       [](World& w) {
         w.canceled = true;
         EndWait(w, SyncWait::Canceled);
       }},
  };
}

std::vector<Step> FollowerSteps() {
  const auto heard = [](World& w) {
    w.lead = w.answer, w.named = w.answer_named;
    w.asking = 0, w.answer = Lead::Unsure, w.answer_named = kNone;
    if (w.commit == Commit::Ended && w.looks < 2) w.looks++;
  };
  const auto named = [](const World& w) { return Truth(w) == Lead::Leads ? w.sync_key : kNone; };
  const auto stream = [=](World& w) { w.lead = Truth(w), w.named = named(w); };
  return {
      {[](const World& w) { return w.asking == 0; }, [](World& w) { w.asking = 1; }},
      {[](const World& w) { return w.asking == 1; }, [=](World& w) { w.answer = Truth(w), w.answer_named = named(w), w.asking = 2; }},
      {[](const World& w) { return w.asking == 2; }, heard},
      {[=](const World& w) { return w.lead != Truth(w) || w.named != named(w); }, stream},
      {[](const World& w) { return w.lead != Lead::Unsure; }, [](World& w) { w.lead = Lead::Unsure, w.named = kNone; }},
  };
}

Committed Seen(const World& w, const Options& options) {
  const bool named = w.named != kNone && w.has_it[static_cast<std::size_t>(w.named)];
  return {.wait = w.wait,
          .lead = w.lead,
          .looks = w.looks >= options.looks_needed ? kLooksNeeded : 0,
          .for_node = !options.trusts_cancel,
          .has_standby = options.any_standby ? w.has_it[0] || w.has_it[1] : named};
}

/// By the rules, or by weaker ones.
Commit Tell(const World& w, const Options& options) {
  const Telling telling = MayTell(Seen(w, options));
  if (telling == Telling::Look) return Commit::Ended;
  return telling == Telling::Tell ? Commit::Told : Commit::Withheld;
}

/// Recovery carries it to other nodes.  It has no other way where nobody waits for standbys than to believe a follower that
/// says so, though that may be some seconds late.
bool MayCount(const World& w, const Options& options) {
  Committed it = Seen(w, options);
  if (it.wait == SyncWait::Dropped) it.wait = SyncWait::NotWanted;
  const bool late = w.lead == Lead::Sole && Truth(w) != Lead::Sole;
  return w.names == kNone && !late && WillLast(it);
}

/// A standby leads without what was acknowledged, though it was waited for, or without what others have followed.
bool IsLost(const World& w, const Options& options) {
  const bool lacks = w.accepts && !w.has_it[static_cast<std::size_t>(w.promoted)];
  const bool warned = w.canceled && options.trusts_cancel;
  const bool told = w.commit == Commit::Told && w.wait != SyncWait::NotWanted && !warned;
  return lacks && (told || w.commit == Commit::Counted);
}

struct Result {
  std::size_t states = 0;
  bool lost = false;
  bool told_confirmed = false, told_dropped = false, told_named = false, withheld = false;
  bool counted_named = false;
};

void Note(Result& result, const World& w, const World& next) {
  const bool told = next.commit == Commit::Told;
  const bool leads = w.lead == Lead::Leads;
  result.told_confirmed = result.told_confirmed || (told && w.wait == SyncWait::Confirmed);
  result.told_dropped = result.told_dropped || (told && w.wait == SyncWait::Dropped && !leads);
  result.told_named = result.told_named || (told && w.wait == SyncWait::Dropped && leads);
  result.counted_named = result.counted_named || (next.commit == Commit::Counted && leads);
  result.withheld = result.withheld || next.commit == Commit::Withheld;
}

/// What may follow from an answer; what the follower says does not matter any more.
std::optional<World> Answered(const World& w, Commit commit) {
  if (commit == Commit::Ended || commit == Commit::Withheld) return std::nullopt;
  if (commit == Commit::Told && w.wait == SyncWait::NotWanted) return std::nullopt;
  World next = w;
  next.commit = commit;
  next.lead = next.answer = Lead::Unsure;
  next.named = next.answer_named = kNone;
  next.looks = next.asking = 0;
  return next;
}

struct Explorer {
  const Options options;
  std::set<World> seen;
  std::vector<World> open;
  Result result;

  void Reach(const World& w) {
    if (seen.insert(w).second) open.push_back(w);
  }
  void Answer(const World& w) {
    if (w.commit != Commit::Ended) return;
    for (const Commit commit : {Tell(w, options), MayCount(w, options) ? Commit::Counted : Commit::Ended}) {
      World next = w;
      next.commit = commit;
      Note(result, w, next);
      if (const auto after = Answered(w, commit)) Reach(*after);
    }
  }
  void Run(const std::vector<Step>& steps, std::size_t own_steps) {
    while (!open.empty() && !result.lost) {
      const World w = open.back();
      open.pop_back();
      result.lost = IsLost(w, options);
      const bool over = w.commit == Commit::Told || w.commit == Commit::Counted;
      for (std::size_t i = 0; i < (over ? own_steps : steps.size()); i++) {
        if (!steps[i].may(w)) continue;
        World next = w;
        steps[i].act(next);
        Reach(next);
      }
      Answer(w);
    }
    result.states = seen.size();
  }
};

Result Explore(const Options& options) {
  std::vector<Step> steps = PatroniSteps();
  for (const auto& more : {StandbySteps(0), StandbySteps(1)}) steps.insert(steps.end(), more.begin(), more.end());
  const std::size_t own_steps = steps.size();
  for (const auto& more : {CommitSteps(), FollowerSteps()}) steps.insert(steps.end(), more.begin(), more.end());
  Explorer explorer{options, {World{}}, {World{}}, {}};
  explorer.Run(steps, own_steps);
  return explorer.result;
}

Entry Known(int timeline, std::uint64_t system_id = 7) {
  Entry entry;
  entry.at.state = GroupState::Known;
  entry.at.timeline = timeline;
  entry.at.system_id = system_id;
  entry.verified = true;
  return entry;
}

}  // namespace

TEST_CASE("acknowledge: what was told is never lost") {
  const Result client = Explore({});
  CHECK(client.states > 1000);
  CHECK_FALSE(client.lost);
  CHECK(client.told_confirmed);
  CHECK(client.told_dropped);  // Patroni does without a standby that is gone, and commits go on
  CHECK(client.told_named);    // ... or has forgotten the names, and the standby has it
  CHECK(client.counted_named);
  CHECK(client.withheld);
  const Result node = Explore({.trusts_cancel = false});
  CHECK_FALSE(node.lost);
  CHECK(node.told_confirmed);
  CHECK(node.withheld);
}

TEST_CASE("acknowledge: the model finds what weaker rules lose") {
  CHECK(Explore({.looks_needed = 0}).lost);
  CHECK(Explore({.looks_needed = 1}).lost);
  CHECK(Explore({.any_standby = true}).lost);
}

TEST_CASE("acknowledge: where nobody follows, PostgreSQL's answers stay") {
  for (const SyncWait wait : {SyncWait::NotWanted, SyncWait::Confirmed, SyncWait::Canceled, SyncWait::Dropped})
    CHECK(MayTell({.wait = wait, .lead = Lead::Unfollowed}) == Telling::Tell);
  CHECK(MayTell({.wait = SyncWait::Canceled, .lead = Lead::Unfollowed, .for_node = true}) == Telling::Withhold);
}

TEST_CASE("acknowledge: an etcd that is silent stops nobody who did not wait") {
  CHECK(MayTell({.wait = SyncWait::NotWanted, .lead = Lead::Unsure}) == Telling::Tell);
  CHECK(MayTell({.wait = SyncWait::Confirmed, .lead = Lead::Unsure}) == Telling::Tell);
  CHECK(MayTell({.wait = SyncWait::Confirmed, .lead = Lead::Lost}) == Telling::Tell);
  CHECK(MayTell({.wait = SyncWait::NotWanted, .lead = Lead::Lost}) == Telling::Withhold);
  CHECK(MayBegin(Lead::Unsure));
  CHECK_FALSE(MayBegin(Lead::Lost));
}

TEST_CASE("acknowledge: others are told what lasts") {
  const auto lasts = [](SyncWait wait, Lead lead, std::uint64_t looks = 0, bool has_standby = false) {
    return WillLast({.wait = wait, .lead = lead, .looks = looks, .has_standby = has_standby});
  };
  CHECK(lasts(SyncWait::NotWanted, Lead::Unfollowed));
  CHECK(lasts(SyncWait::NotWanted, Lead::Sole));
  CHECK_FALSE(lasts(SyncWait::NotWanted, Lead::Leads));  // a standby that nobody waits for may be promoted
  CHECK_FALSE(lasts(SyncWait::NotWanted, Lead::Leads, kLooksNeeded));
  CHECK_FALSE(lasts(SyncWait::NotWanted, Lead::Leads, kLooksNeeded - 1, true));
  CHECK(lasts(SyncWait::NotWanted, Lead::Leads, kLooksNeeded, true));
  CHECK_FALSE(lasts(SyncWait::NotWanted, Lead::Unsure, kLooksNeeded, true));
  CHECK(lasts(SyncWait::Confirmed, Lead::Leads));
  CHECK(lasts(SyncWait::Confirmed, Lead::Unsure));
  CHECK_FALSE(lasts(SyncWait::Confirmed, Lead::Lost));
  CHECK_FALSE(lasts(SyncWait::Canceled, Lead::Sole));
}

TEST_CASE("acknowledge: standbys that Patroni names") {
  const NamedStandbys both = ReadNamedStandbys("Node-A,b", 0);
  CHECK(both.names == std::vector<std::string>{"Node-A", "b"});
  CHECK(both.needed == 2);
  CHECK(ReadNamedStandbys("a", 0).needed == 1);
  CHECK(ReadNamedStandbys("", 0).needed == 0);
  CHECK(ReadNamedStandbys("a,b,c", 1).needed == 2);  // of a and b one is promoted only when it has heard of another
  CHECK(ReadNamedStandbys("a,b", 7).needed == 1);
  CHECK(ReadNamedStandbys("a,b", -1).needed == 2);

  const std::vector<Client> clients{{10, "pg_receivewal"}, {11, "node-a"}, {12, "b"}, {13, "b"}, {14, "bb"}};
  const std::vector<NamedSender> senders = SendersOf(both, clients);
  REQUIRE(senders.size() == 3);
  const auto have = [&](std::vector<Progress> all) { return HaveNamed(senders, both.needed, all, 100); };
  CHECK(have({{11, 100}, {12, 100}}));
  CHECK(have({{11, 100}, {12, 3}, {13, 101}}));
  CHECK_FALSE(have({{11, 99}, {12, 100}, {13, 100}}));
  CHECK_FALSE(have({{12, 100}, {13, 100}}));  // one standby twice
  CHECK_FALSE(have({{10, 100}, {12, 100}, {14, 100}}));
  CHECK_FALSE(have({}));
  CHECK(HaveNamed(senders, 1, std::vector<Progress>{{12, 100}}, 100));
  CHECK_FALSE(HaveNamed(senders, 0, std::vector<Progress>{{12, 100}}, 100));  // none is named
  CHECK_FALSE(HaveNamed({}, 1, std::vector<Progress>{{12, 100}}, 100));
}

TEST_CASE("lead: of the own group, by the timeline") {
  const OwnServer own{7, 3};
  CHECK(LeadOf(Known(3), own, true, true, false) == Lead::Sole);
  CHECK(LeadOf(Known(3), own, true, true, true) == Lead::Leads);
  CHECK(LeadOf(Known(3), own, true, false, false) == Lead::Unsure);
  CHECK(LeadOf(Known(4), own, true, true, true) == Lead::Lost);
  CHECK(LeadOf(Known(4), own, true, false, true) == Lead::Lost);  // what was known stays true when etcd is silent
  CHECK(LeadOf(Known(2), own, true, true, true) == Lead::Unsure);
  CHECK(LeadOf(Known(3), own, false, true, true) == Lead::Unfollowed);
  CHECK(LeadOf(Known(4, 8), own, true, true, true) == Lead::Unfollowed);  // of another group: it has not joined yet
  CHECK(LeadOf(Known(4, 0), own, true, true, true) == Lead::Lost);
  CHECK(LeadOf(Known(4), {7, 0}, true, true, true) == Lead::Unsure);  // a standby
  Entry entry = Known(3);
  entry.at.state = GroupState::Leaderless;
  CHECK(LeadOf(entry, own, true, true, false) == Lead::Unsure);
  CHECK(LeadOf(Entry{}, own, true, true, false) == Lead::Unsure);
}
