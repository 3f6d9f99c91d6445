// SPDX-License-Identifier: PostgreSQL
#include "follower.hpp"

#include "altius/core/ha/layout.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/remote/lead.hpp"
#include "altius/txn/shared.hpp"
#include "report.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace altius::ha {
namespace {

using core::GroupState;
using core::etcd::Phase;
using core::ha::Decision;
using core::ha::Verdict;

constexpr Millis kContactLost = 5000;  // without an answer of a quorum
constexpr Millis kSettleTime = 3000;  // standbys are registered when they have not changed for this
constexpr Millis kPasswordPeriod = 2000;  // while etcd does not let us in
constexpr Millis kStatusPeriod = 1000;
constexpr std::size_t kMostWarm = 64;

core::etcd::WatcherOptions WatcherOptionsOf(const Configuration& configuration,
                                            const std::vector<std::string>& prefixes) {
  core::etcd::WatcherOptions options;
  options.endpoints = configuration.endpoints;
  options.prefixes = prefixes;
  options.user = configuration.user;
  options.seed =
      static_cast<std::uint64_t>(Now()) * 2654435761U + static_cast<std::uint64_t>(MyProcPid);
  return options;
}

}  // namespace

Follower::Follower(const Configuration& configuration, Millis now)
    : configuration_(configuration),
      watcher_(WatcherOptionsOf(configuration, core::ha::KeyMap(configuration.layout).prefixes())),
      http_(configuration.tls),
      view_(core::ha::KeyMap(configuration.layout)) {
  RefreshPassword(now);
  watcher_.Start(now);
}

void Follower::Remember(int number, const core::Whereabouts& stored) {
  core::ha::GroupMemory* memory = &groups_[number].memory;
  memory->known.member = stored.member;
  memory->known.epoch = stored.epoch;
  memory->timeline = stored.timeline;
  memory->system_id = stored.system_id;
}

void Follower::Step(int own_group, Millis now) {
  http_.OnTimer(now);
  TalkToEtcd(now);
  TakeChanges();
  prober_.Step(now);
  TakeVerdicts(now);
  for (auto& [number, group] : groups_) {
    const std::optional<Millis> look = NextLook(group.memory, view_.group(number), Around(now));
    if (group.dirty || (look && now >= *look)) Consider(number, &group, std::nullopt, now);
    Probe(number, &group, now);
    Settle(&group, now);
  }
  KeepWarm();
  prober_.Step(now);
  NoteContact(now);
  NoteLead(own_group);
  if (now >= next_status_) ShowSelf();
}

// --- etcd ---

void Follower::Perform() {
  core::etcd::Actions actions = watcher_.TakeActions();
  for (const int id : actions.drop) http_.Drop(id);
  for (const core::etcd::Request& request : actions.send) http_.Send(request);
  for (const core::etcd::LogLine& line : actions.log) Log(line.warning, "etcd: " + line.text);
}

void Follower::TalkToEtcd(Millis now) {
  RefreshPassword(now);
  watcher_.Tick(now);
  Perform();
  for (const HttpEvent& event : http_.TakeEvents()) {
    switch (event.kind) {
      case HttpEvent::Kind::Line:
        watcher_.Line(event.id, event.text, now);
        break;
      case HttpEvent::Kind::Answer:
        watcher_.Answer(event.id, event.status, event.text, now);
        break;
      case HttpEvent::Kind::Ended:
        watcher_.Ended(event.id, event.text, now);
        break;
    }
    Perform();
  }
}

/// The file may be written anew at any time.
void Follower::RefreshPassword(Millis now) {
  if (configuration_.user.empty() || now < next_password_) return;
  next_password_ = now + kPasswordPeriod;
  if (watcher_.phase() == Phase::Live && watcher_.problem().empty()) return;
  std::string problem = "etcd gets no password over http (altius.etcd_allow_cleartext)";
  if (MayTellPassword(configuration_)) watcher_.SetPassword(ReadPassword(configuration_.password_file, &problem));
  if (problem != password_problem_ && !problem.empty()) Log(true, problem);
  password_problem_ = problem;
}

void Follower::TakeChanges() {
  for (const core::etcd::Change& change : watcher_.TakeChanges()) {
    const std::optional<int> number =
        change.now ? view_.Set(change.key, change.now->value, change.now->mod_revision)
                   : view_.Erase(change.key);
    if (!number) continue;
    Group& group = groups_[*number];
    group.dirty = true;
    group.status.last_event = GetCurrentTimestamp();
  }
  if (watcher_.syncs() == syncs_) return;
  syncs_ = watcher_.syncs();
  for (auto& [number, group] : groups_) group.dirty = true;
}

core::ha::Surroundings Follower::Around(Millis now) const {
  core::ha::Surroundings around;
  // An etcd that was restored is another one: its revisions can't be compared with those before.
  around.etcd = watcher_.cluster_id() ^
                (static_cast<std::uint64_t>(watcher_.incarnation()) * 0x9e3779b97f4a7c15U);
  around.sync = watcher_.syncs();
  around.now = now;
  around.wall_ms = WallMillis();
  around.policy.gate = configuration_.gate;
  around.policy.gate_timeout = std::max(1, remote::GateTimeoutMs());
  return around;
}

/// Short losses of contact change nothing: the next endpoint is asked meanwhile.
void Follower::NoteContact(Millis now) {
  const bool was = following_;
  following_ = syncs_ > 0 && now - watcher_.last_contact() < kContactLost;
  if (configuration_.mode == Mode::On) pg::Call([&] { remote::SetFollowing(following_); });
  if (was == following_) return;
  Log(!following_, following_ ? "following the leaders in etcd"
                              : "lost contact with etcd; the last known leaders stay in force");
  ShowSelf();
}

/// Whoever has committed here asks: of what etcd says after that, the lead comes first.
void Follower::NoteLead(int own_group) {
  const bool acts = configuration_.mode == Mode::On;
  const core::NamedStandbys& named = view_.group(own_group).sync;
  const bool agreed = agreements_ != watcher_.agreements();
  agreements_ = watcher_.agreements();
  if (agreed || !(named == named_)) {
    standbys_ = remote::FindSenders(named);
    named_ = named;
  }
  pg::Call([&] {
    remote::JudgeLead(own_group, acts, standbys_);
    if (agreed && acts) remote::NoteLook();
  });
}

// --- groups ---

void Follower::Consider(int number, Group* group, std::optional<Verdict> verdict, Millis now) {
  group->dirty = false;
  core::ha::Surroundings around = Around(now);
  around.verdict = std::move(verdict);
  Decision decision = Decide(group->memory, view_.group(number), around);
  const core::ha::Target before = group->memory.target;
  group->memory = std::move(decision.next);
  if (!(before == group->memory.target) && !group->memory.target.member.empty()) {
    group->named = now;
    group->next_probe = now;
    group->status.leader_named = GetCurrentTimestamp();
    group->status.probes = 0;
  }
  Carry(number, group, decision, now);
  PublishReplicas(number, group, now);
  Show(number, group);
}

/// The decision's deeds.
void Follower::Carry(int number, Group* group, const Decision& decision, Millis now) {
  for (const std::string& warning : decision.warnings)
    Log(true, "group " + std::to_string(number) + ": " + warning);
  const bool acts = configuration_.mode == Mode::On;
  if (decision.publish && acts) {
    const core::Whereabouts at = Publication(group->memory);
    pg::Call([&] { (void)remote::Publish(number, at); });
  }
  if (decision.gate && acts) {
    const TimestampTz until =
        group->memory.gated
            ? GetCurrentTimestamp() + std::max<Millis>(1, group->memory.gated_until - now) * 1000
            : 0;
    const core::Epoch epoch = group->memory.target.epoch;
    pg::Call([&] { (void)remote::SetGate(number, epoch, until); });
    Log(false, "group " + std::to_string(number) +
                   (group->memory.gated ? ": a switchover is planned; new statements wait for it"
                                        : ": statements do not wait any more"));
  }
  if (!decision.verified) return;
  const core::ha::Target& known = group->memory.known;
  group->status.verified = GetCurrentTimestamp();
  if (decision.moved)
    Log(false, "group " + std::to_string(number) + ": " + known.member + " at " + known.host + ":" +
                   std::to_string(known.port) + " is primary, on timeline " +
                   std::to_string(group->memory.timeline) + ", " +
                   std::to_string(now - group->named) + " ms after it was named");
  recorder_wanted_ = acts;
  if (decision.moved && acts) pg::Call(txn::WakeMaintenance);
}

void Follower::Probe(int number, Group* group, Millis now) {
  if (!WantsProbe(group->memory) || now < group->next_probe) return;
  const core::ha::Target& target = group->memory.target;
  const ServerAddress server{number, target.host, target.port};
  prober_.Ask(server, target.epoch, now);
}

void Follower::TakeVerdicts(Millis now) {
  for (Found& found : prober_.TakeFound()) {
    const auto it = groups_.find(found.group);
    if (it == groups_.end()) continue;
    Group& group = it->second;
    group.status.probes++;
    group.status.probe_ms = found.ms;
    group.next_probe = now + ProbePause(group.memory, now, configuration_.probe_interval_ms);
    CopyText(group.status.probe, DescribeVerdict(found.verdict));
    Consider(found.group, &group, std::move(found.verdict), now);
  }
}

void Follower::PublishReplicas(int number, Group* group, Millis now) {
  const std::vector<core::ha::Replica> replicas = Replicas(group->memory, view_.group(number));
  std::vector<remote::Standby> standbys;
  std::set<ServerAddress> fit;
  for (const core::ha::Replica& replica : replicas) {
    remote::Standby& standby = standbys.emplace_back();
    CopyText(standby.member, replica.member);
    CopyText(standby.host, replica.host);
    standby.port = replica.port;
    standby.lag_bytes = replica.lag;
    standby.seen = GetCurrentTimestamp();
    standby.usable = replica.usable;
    const auto& members = view_.group(number).members;
    const auto member = members.find(replica.member);
    const bool refused = member != members.end() && member->second.no_load_balance;
    if (!refused) fit.insert({number, replica.host, replica.port});
  }
  if (fit != group->standbys) {
    group->standbys = std::move(fit);
    group->settled_at = now;
    group->status.settled = false;
  }
  if (configuration_.mode != Mode::On) return;
  const auto count = static_cast<int>(standbys.size());
  const remote::Standby* first = standbys.data();
  pg::Call([&] { remote::PublishStandbys(number, first, count); });
}

/// Standbys come and go during a switchover; they are registered once it is quiet.
void Follower::Settle(Group* group, Millis now) {
  GroupStatus* status = &group->status;
  if (status->settled || group->memory.state != GroupState::Known ||
      now - group->settled_at < kSettleTime)
    return;
  status->settled = true;
  status->secondary_count = 0;
  for (const ServerAddress& server : group->standbys) {
    if (status->secondary_count == remote::kMaxStandbys) break;
    Secondary* secondary = &status->secondaries[status->secondary_count++];
    CopyText(secondary->host, server.host);
    secondary->port = server.port;
  }
  ShowGroup(*status);
  recorder_wanted_ = configuration_.mode == Mode::On;
}

/// A connection to each server that may be promoted: its answer then comes at once.
void Follower::KeepWarm() {
  std::set<ServerAddress> wanted;
  if (configuration_.warm_probes) {
    for (const auto& [number, group] : groups_) {
      for (const core::ha::Replica& replica : Replicas(group.memory, view_.group(number))) {
        if (replica.usable && wanted.size() < kMostWarm)
          wanted.insert({number, replica.host, replica.port});
      }
    }
  }
  prober_.Keep(std::move(wanted));
}

void Follower::Forget(int number) {
  if (number == -1) {
    groups_.clear();
    ForgetGroups();
  } else {
    groups_.erase(number);
  }
  for (const auto& [known, unused] : view_.groups()) {
    if (number == -1 || known == number) groups_[known].dirty = true;
  }
}

// --- the worker's loop ---

std::vector<Interest> Follower::Interests() const {
  std::vector<Interest> all = http_.Interests();
  for (const Interest& interest : prober_.Interests()) all.push_back(interest);
  return all;
}

void Follower::OnSocket(int socket, bool readable, bool writable, Millis now) {
  http_.OnSocket(socket, readable, writable);
  prober_.OnSocket(socket, now);
}

Millis Follower::Deadline(Millis now) const {
  Millis next = std::min(watcher_.NextDeadline(), next_status_);
  if (const auto timer = http_.Deadline()) next = std::min(next, *timer);
  if (const auto probe = prober_.Deadline()) next = std::min(next, *probe);
  for (const auto& [number, group] : groups_) {
    if (const auto look = NextLook(group.memory, view_.group(number), Around(now)))
      next = std::min(next, *look);
    const core::ha::Target& target = group.memory.target;
    if (WantsProbe(group.memory) && !prober_.IsAsking({number, target.host, target.port}))
      next = std::min(next, group.next_probe);
  }
  return next;
}

// --- what it shows ---

void Follower::Show(int number, Group* group) {
  GroupStatus* status = &group->status;
  const core::ha::GroupMemory& memory = group->memory;
  const core::ha::GroupView& seen = view_.group(number);
  status->group = number;
  status->at = Publication(memory);
  status->since = GetCurrentTimestamp() - (Now() - memory.since) * 1000;
  status->gated = memory.gated;
  status->paused = seen.paused;
  status->synchronous = seen.synchronous;
  CopyText(status->rule, memory.rule);
  std::string note = memory.note;
  for (const auto& [key, complaint] : seen.complaints)
    note += (note.empty() ? "" : "; ") + std::string("key ") + key + ": " + complaint;
  CopyText(status->note, note);
  if (!ShowGroup(*status)) Log(true, "altius.max_groups is too small for all groups in etcd");
}

void Follower::ShowSelf() {
  next_status_ = Now() + kStatusPeriod;
  FollowerStatus status{};
  status.pid = MyProcPid;
  status.database = MyDatabaseId;
  status.following = following_;
  CopyText(status.etcd_state, core::etcd::NameOf(watcher_.phase()));
  CopyText(status.endpoint, watcher_.endpoint());
  status.cluster_id = watcher_.cluster_id();
  status.revision = watcher_.revision();
  status.syncs = watcher_.syncs();
  if (watcher_.last_contact() != 0)
    status.last_contact = GetCurrentTimestamp() - (Now() - watcher_.last_contact()) * 1000;
  CopyText(status.problem, password_problem_.empty() ? watcher_.problem() : password_problem_);
  ShowFollower(status);
}

}  // namespace altius::ha
