// SPDX-License-Identifier: PostgreSQL
// Who is told that a transaction is committed: every interleaving of a commit with the server's Patroni that dies and comes back,
// its standby that is promoted, and a follower that hears of it late.
#include "altius/core/txn/acknowledge.hpp"

#include <functional>
#include <set>
#include <vector>

#include "catch.hpp"

using namespace altius::core;

namespace {

enum class Key : std::uint8_t { Old, Nobody, New };          // whom the leader key names
enum class Commit : std::uint8_t { Open, Waiting, Ended, Told, Withheld, Refused };

/// The old primary, its one standby, etcd, and the follower and a backend of the old primary.
struct World {
  Key key = Key::Old;
  bool patroni = true;       // of the old primary
  bool names = true;         // synchronous_standby_names, as the server uses it
  bool sync_key = true;      // Patroni's key names the standby: only then it may be promoted
  bool streaming = true;
  bool promoted = false;     // the standby accepts writes
  bool has_it = false;       // the standby has the commit
  bool confirmed = false;    // ... and has said so
  bool canceled = false;     // by the client, who was warned
  Commit commit = Commit::Open;
  SyncWait wait = SyncWait::NotWanted;
  bool wanted = false;
  Lead lead = Lead::Unsure;  // as the follower has published it
  std::uint8_t looks = 0;    // since the wait ended
  std::uint8_t asking = 0;   // a request to etcd: 0 none, 1 sent, 2 served
  Lead answer = Lead::Unsure;

  auto operator<=>(const World&) const = default;
};

struct Options {
  std::uint64_t looks_needed = kLooksNeeded;
  bool trusts_cancel = true;
};

Lead Truth(const World& w) {
  if (w.key == Key::Old) return w.sync_key ? Lead::Leads : Lead::Sole;
  return w.key == Key::New && w.promoted ? Lead::Lost : Lead::Unsure;
}

void EndWait(World& w, SyncWait how) {
  w.wait = how;
  w.commit = Commit::Ended;
  w.looks = 0;
}

struct Step {
  std::function<bool(const World&)> may;
  std::function<void(World&)> act;
};

std::vector<Step> PatroniSteps() {
  return {
      {[](const World& w) { return w.patroni; }, [](World& w) { w.patroni = false; }},
      {[](const World& w) { return !w.patroni && w.key == Key::Old; }, [](World& w) { w.key = Key::Nobody; }},
      {[](const World& w) { return w.key == Key::Nobody && w.sync_key; }, [](World& w) { w.key = Key::New, w.streaming = false; }},
      {[](const World& w) { return w.key == Key::New && !w.promoted; }, [](World& w) { w.promoted = true; }},
      // It comes back, whoever leads by now, and begins without the names.
      {[](const World& w) { return !w.patroni; }, [](World& w) { w.patroni = true, w.names = false; }},
      {[](const World& w) { return w.patroni && w.key == Key::Nobody; }, [](World& w) { w.key = Key::Old; }},
      // The leader sets them anew, or does without the standby that is gone: the key first, then the names.
      {[](const World& w) { return w.patroni && w.key == Key::Old && w.sync_key && !w.names; }, [](World& w) { w.names = true; }},
      {[](const World& w) { return w.patroni && w.key == Key::Old && !w.promoted; }, [](World& w) { w.streaming = false; }},
      {[](const World& w) { return w.patroni && w.key == Key::Old && !w.streaming && w.sync_key; },
       [](World& w) { w.sync_key = false; }},
      {[](const World& w) { return w.patroni && w.key == Key::Old && !w.sync_key && w.names; }, [](World& w) { w.names = false; }},
      // ... and takes it back: the names first, the key once it has caught up.
      {[](const World& w) { return w.patroni && w.key == Key::Old && !w.promoted && !w.streaming; },
       [](World& w) { w.streaming = true; }},
      {[](const World& w) { return w.patroni && w.key == Key::Old && !w.sync_key && !w.names && w.streaming; },
       [](World& w) { w.names = true; }},
      {[](const World& w) {
         const bool caught_up = w.commit == Commit::Open || w.has_it;
         return w.patroni && w.key == Key::Old && w.names && w.streaming && !w.sync_key && caught_up;
       },
       [](World& w) { w.sync_key = true; }},
  };
}

std::vector<Step> CommitSteps() {
  return {
      {[](const World& w) { return w.commit == Commit::Open && MayBegin(w.lead); },
       [](World& w) {
         w.wanted = w.names || w.sync_key;  // what the group promises, though the server may not wait just now
         w.commit = Commit::Waiting;
         if (!w.names) EndWait(w, SyncWait::NotWanted);
       }},
      {[](const World& w) { return w.commit != Commit::Open && w.streaming; }, [](World& w) { w.has_it = true; }},
      {[](const World& w) { return w.has_it && w.streaming; }, [](World& w) { w.confirmed = true; }},
      {[](const World& w) { return w.commit == Commit::Waiting && w.confirmed; },
       [](World& w) { EndWait(w, SyncWait::Confirmed); }},
      {[](const World& w) { return w.commit == Commit::Waiting && !w.names; }, [](World& w) { EndWait(w, SyncWait::Dropped); }},
      {[](const World& w) { return w.commit == Commit::Waiting && w.names; },
       [](World& w) {
         w.canceled = true;
         EndWait(w, SyncWait::Canceled);
       }},
      {[](const World& w) { return w.commit == Commit::Ended && w.confirmed; }, [](World& w) { w.wait = SyncWait::Confirmed; }},
  };
}

std::vector<Step> FollowerSteps() {
  const auto heard = [](World& w) {
    w.lead = w.answer;
    w.asking = 0;
    if (w.looks < 3) w.looks++;
  };
  return {
      {[](const World& w) { return w.asking == 0; }, [](World& w) { w.asking = 1; }},
      {[](const World& w) { return w.asking == 1; }, [](World& w) { w.answer = Truth(w), w.asking = 2; }},
      {[](const World& w) { return w.asking == 2; }, heard},
      {[](const World& w) { return w.lead != Truth(w); }, [](World& w) { w.lead = Truth(w); }},  // the stream
      {[](const World& w) { return w.lead != Lead::Unsure; }, [](World& w) { w.lead = Lead::Unsure; }},
  };
}

/// By the rules, or by weaker ones.
Telling Ask(const World& w, const Options& options) {
  const std::uint64_t looks = w.looks >= options.looks_needed ? kLooksNeeded : 0;
  return MayTell({.wait = w.wait, .lead = w.lead, .looks = looks, .for_node = !options.trusts_cancel});
}

void Answer(World& w, const Options& options) {
  const Telling telling = Ask(w, options);
  if (telling == Telling::Look) return;
  w.commit = telling == Telling::Tell ? Commit::Told : Commit::Withheld;
}

/// The standby leads without what was acknowledged, though it was waited for.
bool IsLost(const World& w, const Options& options) {
  const bool warned = w.canceled && options.trusts_cancel;
  return w.commit == Commit::Told && w.wait != SyncWait::NotWanted && w.promoted && !w.has_it && !warned;
}

struct Result {
  std::size_t states = 0;
  bool lost = false;
  bool told_confirmed = false, told_dropped = false, withheld = false;
};

Result Explore(const Options& options) {
  std::vector<Step> steps = PatroniSteps();
  for (const auto& more : {CommitSteps(), FollowerSteps()}) steps.insert(steps.end(), more.begin(), more.end());
  std::set<World> seen{World{}};
  std::vector<World> open{World{}};
  Result result;
  const auto reach = [&](const World& w) {
    if (seen.insert(w).second) open.push_back(w);
  };
  while (!open.empty()) {
    const World w = open.back();
    open.pop_back();
    result.lost = result.lost || IsLost(w, options);
    const bool told = w.commit == Commit::Told;
    result.told_confirmed = result.told_confirmed || (told && w.wait == SyncWait::Confirmed);
    result.told_dropped = result.told_dropped || (told && w.wait == SyncWait::Dropped);
    result.withheld = result.withheld || w.commit == Commit::Withheld;
    for (const Step& step : steps) {
      if (!step.may(w)) continue;
      World next = w;
      step.act(next);
      reach(next);
    }
    if (w.commit != Commit::Ended) continue;
    World next = w;
    Answer(next, options);
    reach(next);
  }
  result.states = seen.size();
  return result;
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
  CHECK(client.withheld);
  const Result node = Explore({.trusts_cancel = false});
  CHECK_FALSE(node.lost);
  CHECK(node.told_confirmed);
  CHECK(node.withheld);
}

TEST_CASE("acknowledge: the model finds what weaker rules lose") {
  CHECK(Explore({.looks_needed = 0}).lost);
  CHECK(Explore({.looks_needed = 1}).lost);
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
  CHECK(WillLast(SyncWait::NotWanted, Lead::Unfollowed));
  CHECK(WillLast(SyncWait::NotWanted, Lead::Sole));
  CHECK_FALSE(WillLast(SyncWait::NotWanted, Lead::Leads));  // a standby that nobody waits for may be promoted
  CHECK_FALSE(WillLast(SyncWait::NotWanted, Lead::Unsure));
  CHECK(WillLast(SyncWait::Confirmed, Lead::Leads));
  CHECK(WillLast(SyncWait::Confirmed, Lead::Unsure));
  CHECK_FALSE(WillLast(SyncWait::Confirmed, Lead::Lost));
  CHECK_FALSE(WillLast(SyncWait::Canceled, Lead::Sole));
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
