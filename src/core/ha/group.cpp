// SPDX-License-Identifier: PostgreSQL
#include "altius/core/ha/group.hpp"

#include <algorithm>
#include <utility>

namespace altius::core::ha {
namespace {

/// One decision being made.
struct Case {
  GroupMemory& memory;
  const GroupView& view;
  const Surroundings& around;
  Decision& decision;
  std::optional<Verdict> verdict;  // about the target; taken away by the rule that used it
};

using Kind = Verdict::Kind;

constexpr unsigned In(GroupState state) { return 1U << static_cast<unsigned>(state); }
constexpr unsigned kAny = ~0U;
constexpr Millis kLongestDoubt = 250;
constexpr unsigned kLooking = In(GroupState::Probing) | In(GroupState::Mismatch);

std::string AddressOf(const Target& target) {
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
}

/// The server that the leader key names; nothing when its address is not known.
std::optional<Target> LeaderOf(const GroupView& view, std::uint64_t etcd) {
  if (!view.leader) return std::nullopt;
  const auto member = view.members.find(view.leader->member);
  if (member == view.members.end()) return std::nullopt;
  return Target{
      view.leader->member, member->second.host, member->second.port, {etcd, view.leader->revision}};
}

bool IsStandby(const Member& member) {
  return member.role == "replica" || member.role == "sync_standby";
}

/// A leader that was no standby of the group a moment ago may be another cluster's.
bool IsStranger(const Case& it, const Target& leader) {
  const Target& known = it.memory.known;
  if (known.port == 0 || leader.member == known.member) return false;
  return !IsStandby(it.view.members.at(leader.member));
}

int AnnouncedTimeline(const GroupView& view) {
  if (!view.leader) return 0;
  const auto member = view.members.find(view.leader->member);
  return member == view.members.end() ? 0 : member->second.timeline;
}

void Enter(Case& it, GroupState state, std::string note) {
  GroupMemory& memory = it.memory;
  if (memory.state != state) memory.since = it.around.now;
  memory.state = state;
  memory.note = std::move(note);
  it.decision.publish = true;
}

void OpenGate(Case& it) {
  if (!it.memory.gated) return;
  it.memory.gated = false;
  it.decision.gate = true;
}

void LookAt(Case& it, Target target, std::string note) {
  it.memory.target = std::move(target);
  it.memory.doubtful = false;
  it.memory.sync = it.around.sync;
  it.memory.announced_timeline = AnnouncedTimeline(it.view);
  it.memory.since = it.around.now;
  it.verdict.reset();
  Enter(it, GroupState::Probing, std::move(note));
}

void NoLeader(Case& it, GroupState state, std::string note) {
  it.memory.target.member.clear();  // its epoch stays: it is the last one
  it.memory.doubtful = false;
  it.verdict.reset();
  Enter(it, state, std::move(note));
}

/// Of the group as it was first seen; of what Patroni wrote when the group was made, before.
std::uint64_t ExpectedSystem(const Case& it) {
  return it.memory.system_id != 0 ? it.memory.system_id : it.view.system_id;
}

bool IsOtherSystem(const Case& it) {
  return it.verdict && it.verdict->kind != Kind::Unreachable && ExpectedSystem(it) != 0 &&
         it.verdict->system_id != ExpectedSystem(it);
}

bool IsPrimary(const Case& it) {
  return it.verdict && it.verdict->kind == Kind::Primary && !IsOtherSystem(it);
}

/// Within one etcd; after another one took over, whatever the leader key names counts.
bool IsOlderTimeline(const Case& it) {
  return it.verdict->timeline < it.memory.timeline &&
         it.memory.known.epoch.cluster == it.around.etcd;
}

bool NamesCurrentLeader(const Case& it) {
  const std::optional<PlannedFailover>& failover = it.view.failover;
  return failover && it.view.leader &&
         (failover->leader.empty() || failover->leader == it.view.leader->member) &&
         failover->member != it.view.leader->member;
}

bool IsDue(const Case& it) {
  const std::int64_t at = it.view.failover->scheduled_ms;
  return at == 0 || it.around.wall_ms >= at - it.around.policy.gate_ahead;
}

void Verify(Case& it) {
  GroupMemory& memory = it.memory;
  const Verdict verdict = *std::exchange(it.verdict, std::nullopt);
  if (verdict.timeline < memory.timeline) {
    it.decision.warnings.push_back("leader " + memory.target.member + " is on timeline " +
                                   std::to_string(verdict.timeline) + ", older than " +
                                   std::to_string(memory.timeline) +
                                   " that was known before; etcd was rebuilt, so it is believed");
  }
  it.decision.moved = !(memory.known == memory.target) || memory.timeline != verdict.timeline;
  it.decision.verified = true;
  memory.known = memory.target;
  memory.timeline = verdict.timeline;
  memory.system_id = verdict.system_id;
  OpenGate(it);
  Enter(it, GroupState::Known, {});
}

struct Rule {
  const char* name;
  unsigned from;  // states
  bool (*applies)(const Case&);
  void (*act)(Case&);
};

constexpr Rule kRules[] = {
    {"keys gone", kAny & ~In(GroupState::Absent) & ~In(GroupState::Unknown),
     [](const Case& it) { return it.view.Empty(); },
     [](Case& it) {
       it.decision.warnings.emplace_back(
           "all keys are gone from etcd; the last known address stays in force");
       OpenGate(it);
       NoLeader(it, GroupState::Absent, "all keys are gone from etcd");
     }},
    {"leader gone", kAny & ~In(GroupState::Leaderless) & ~In(GroupState::Unknown),
     [](const Case& it) { return !it.view.Empty() && !it.view.leader; },
     [](Case& it) { NoLeader(it, GroupState::Leaderless, "there is no leader key"); }},
    {"leader without an address", kAny & ~In(GroupState::Leaderless) & ~In(GroupState::Unknown),
     [](const Case& it) {
       return it.view.leader && !LeaderOf(it.view, it.around.etcd) &&
              (it.view.leader->member != it.memory.target.member ||
               it.view.leader->revision != it.memory.target.epoch.revision);
     },
     [](Case& it) {
       it.decision.warnings.push_back("leader " + it.view.leader->member +
                                      " has no address in etcd");
       NoLeader(it, GroupState::Leaderless,
                "leader " + it.view.leader->member + " has no address in etcd");
     }},
    {"leader named", kAny,
     [](const Case& it) {
       const std::optional<Target> leader = LeaderOf(it.view, it.around.etcd);
       return leader && *leader != it.memory.target;
     },
     [](Case& it) {
       Target leader = *LeaderOf(it.view, it.around.etcd);
       std::string note = "looking at " + AddressOf(leader);
       const bool doubtful = IsStranger(it, leader);
       LookAt(it, std::move(leader), std::move(note));
       it.memory.doubtful = doubtful;
     }},
    {"etcd read anew", In(GroupState::Known),
     [](const Case& it) {
       return it.memory.sync != it.around.sync && LeaderOf(it.view, it.around.etcd);
     },
     [](Case& it) { LookAt(it, it.memory.target, "looking again: etcd was away"); }},
    {"new timeline announced", In(GroupState::Known),
     [](const Case& it) {
       const int announced = AnnouncedTimeline(it.view);
       return announced > it.memory.timeline && announced != it.memory.announced_timeline;
     },
     [](Case& it) { LookAt(it, it.memory.target, "looking again: it began a new timeline"); }},
    {"another system", kLooking, IsOtherSystem,
     [](Case& it) {
       const std::string text = AddressOf(it.memory.target) + " is of system " +
                                std::to_string(it.verdict->system_id) + ", not " +
                                std::to_string(ExpectedSystem(it));
       it.verdict.reset();
       it.memory.doubtful = false;
       if (it.memory.state == GroupState::Mismatch) return;
       it.decision.warnings.push_back(text + ": nothing is sent to it");
       Enter(it, GroupState::Mismatch, text);
     }},
    {"no stranger", In(GroupState::Probing),
     [](const Case& it) {
       const bool seen = it.verdict && it.verdict->kind != Kind::Unreachable;
       return it.memory.doubtful && (seen || it.around.now - it.memory.since >= kLongestDoubt);
     },
     [](Case& it) {
       it.memory.doubtful = false;
       it.decision.publish = true;
     }},
    {"older timeline", kLooking,
     [](const Case& it) { return IsPrimary(it) && IsOlderTimeline(it); },
     [](Case& it) {
       std::string text = AddressOf(it.memory.target) + " is on timeline " +
                          std::to_string(it.verdict->timeline) + ", older than " +
                          std::to_string(it.memory.timeline);
       it.verdict.reset();
       if (it.memory.note == text) return;
       it.decision.warnings.push_back(text + ": it is not used, unless altius_ha_forget is called");
       it.memory.note = std::move(text);
     }},
    {"verified", kLooking, IsPrimary, Verify},
    {"not yet", kLooking, [](const Case& it) { return it.verdict.has_value(); },
     [](Case& it) {
       const bool reached = it.verdict->kind == Kind::InRecovery;
       it.memory.note =
           AddressOf(it.memory.target) + (reached ? " is in recovery" : ": " + it.verdict->problem);
       it.verdict.reset();
     }},
    {"switchover planned", In(GroupState::Known),
     [](const Case& it) {
       return it.around.policy.gate && !it.memory.gated && NamesCurrentLeader(it) && IsDue(it) &&
              it.view.failover->revision != it.memory.gate_revision;
     },
     [](Case& it) {
       it.memory.gated = true;
       it.memory.gated_until = it.around.now + it.around.policy.gate_timeout;
       it.memory.gate_revision = it.view.failover->revision;
       it.decision.gate = true;
     }},
    {"switchover withdrawn", In(GroupState::Known),
     [](const Case& it) { return it.memory.gated && !it.view.failover; }, OpenGate},
    {"gate timed out", kAny,
     [](const Case& it) { return it.memory.gated && it.around.now >= it.memory.gated_until; },
     [](Case& it) {
       it.decision.warnings.emplace_back(
           "the switchover takes too long; statements wait no longer");
       OpenGate(it);
     }},
};

bool IsAboutTarget(const GroupMemory& memory, const Verdict& verdict) {
  const Target& target = memory.target;
  return !target.member.empty() && verdict.epoch == target.epoch && verdict.host == target.host &&
         verdict.port == target.port;
}

}  // namespace

Decision Decide(const GroupMemory& memory, const GroupView& view, const Surroundings& around) {
  Decision decision;
  decision.next = memory;
  Case it{decision.next, view, around, decision, around.verdict};
  if (it.verdict && !IsAboutTarget(memory, *it.verdict)) it.verdict.reset();
  // Each rule takes away what it applies to; the bound is for mistakes.
  for (int round = 0; round < 16; round++) {
    const auto rule =
        std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& candidate) {
          return (candidate.from & In(it.memory.state)) != 0 && candidate.applies(it);
        });
    if (rule == std::end(kRules)) break;
    rule->act(it);
    it.memory.rule = rule->name;
    decision.rules.push_back(rule->name);
  }
  return decision;
}

std::vector<const char*> RuleNames() {
  std::vector<const char*> names;
  for (const Rule& rule : kRules) names.push_back(rule.name);
  return names;
}

namespace {

/// A leader of another system, somewhere else, or one that may be: what was known is no worse than
/// before.
bool KeepsKnown(const GroupMemory& memory) {
  const Target& known = memory.known;
  const bool foreign =
      memory.state == GroupState::Mismatch || (memory.state == GroupState::Probing && memory.doubtful);
  return foreign && known.port != 0 &&
         (known.host != memory.target.host || known.port != memory.target.port);
}

}  // namespace

Whereabouts Publication(const GroupMemory& memory) {
  const bool known = memory.state == GroupState::Known || KeepsKnown(memory);
  const Target& target = known ? memory.known : memory.target;
  Whereabouts at;
  at.state = memory.state;
  at.epoch = memory.target.epoch;
  at.member[target.member.copy(at.member, sizeof(at.member) - 1)] = '\0';
  at.host[target.host.copy(at.host, sizeof(at.host) - 1)] = '\0';
  at.port = target.port;
  at.timeline = known ? memory.timeline : 0;
  at.system_id = known ? memory.system_id : 0;
  return at;
}

bool WantsProbe(const GroupMemory& memory) {
  return (In(memory.state) & kLooking) != 0 && !memory.target.member.empty();
}

Millis ProbePause(const GroupMemory& memory, Millis now, Millis shortest) {
  if (memory.state == GroupState::Mismatch) return 5000;
  const Millis passed = now - memory.since;
  if (passed >= 10000) return std::max<Millis>(shortest, 500);
  return passed >= 2000 ? std::max<Millis>(shortest, 50) : shortest;
}

std::optional<Millis> NextLook(const GroupMemory& memory, const GroupView& view,
                               const Surroundings& around) {
  if (memory.doubtful) return memory.since + kLongestDoubt;
  if (memory.gated) return memory.gated_until;
  if (memory.state != GroupState::Known || !around.policy.gate || !view.failover)
    return std::nullopt;
  const std::int64_t at = view.failover->scheduled_ms;
  if (at == 0 || view.failover->revision == memory.gate_revision) return std::nullopt;
  return around.now + std::max<Millis>(1, at - around.policy.gate_ahead - around.wall_ms);
}

std::vector<Replica> Replicas(const GroupMemory& memory, const GroupView& view) {
  std::vector<Replica> replicas;
  const int timeline = std::max(memory.timeline, AnnouncedTimeline(view));
  for (const auto& [name, member] : view.members) {
    const bool leads = view.leader ? name == view.leader->member : name == memory.known.member;
    if (leads || !IsStandby(member)) continue;
    Replica& replica = replicas.emplace_back();
    replica.member = name;
    replica.host = member.host;
    replica.port = member.port;
    if (view.optime > 0 && member.xlog > 0)
      replica.lag = std::max<std::int64_t>(0, view.optime - member.xlog);
    const bool same_timeline = timeline == 0 || member.timeline == 0 || member.timeline == timeline;
    replica.usable = member.state == "running" && !member.no_load_balance && same_timeline;
  }
  return replicas;
}

}  // namespace altius::core::ha
