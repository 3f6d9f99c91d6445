// SPDX-License-Identifier: PostgreSQL
// Recovery: prepared transactions that a crash left on some node are committed when their record is here, else rolled back.
// What is looked at in which order, and what follows from it, stands in core/txn/recovery.hpp.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "acknowledge.hpp"
#include "maintenance.hpp"
#include "prepared_lists.hpp"
#include "records.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

namespace {

constexpr int kFinishTimeoutMs = 10000;
constexpr int kLastingMs = 3500;  // for the answer of standbys, and two of etcd
constexpr int kForgetAtOnce = 100000;  // some tenths of a second; deadlock detection waits

/// A prepared transaction that is for this server to end.
struct Seen {
  ListedNode* node;
  const char* gid;
  core::PreparedId id;
  bool active;
  bool record;
};

/// One run.
struct Run {
  Snapshot noted;  // the records that were there before the lists were read
  pg::Array<const catalog::Node*> listed;
  pg::Array<Unlisted> unlisted;
  PreparedLists lists;
  pg::Array<Seen> seen;
  int finished;
  bool lasting;  // the records
  bool left;     // something could not be done now
};

void NoteRecords(Run* run) {
  run->noted = RegisterSnapshot(GetLatestSnapshot());
}

/// Those that this server is to end.
void NoteOwn(Run* run) {
  for (ListedNode& node : run->lists.nodes) {
    if (!node.answered) continue;
    for (const char* gid : *node.gids) {
      const auto id = core::ParseGid(gid);
      if (!id.has_value() || (node.unlisted != nullptr && !IsLookedFor(*node.unlisted, gid))) continue;
      if (core::IsForUs(catalog::LocalGroup(), id->group)) run->seen.push_back(Seen{&node, gid, *id, false, false});
    }
  }
}

void ReadLists(Run* run) {
  run->lists = ListPrepared(run->listed, run->unlisted);
  for (const ListedNode& node : run->lists.nodes) run->left = run->left || (node.active && !node.answered);
  NoteOwn(run);
}

void LookForActive(Run* run) {
  for (Seen& one : run->seen) one.active = IsActiveHere(one.id.pid, one.id.number);
}

/// A node that was removed and is back has another group; which one the transaction knew is not known here.
bool HasRecordOf(const Seen& one, const pg::Array<int>& groups, Snapshot snapshot) {
  if (HasRecord(one.node->group, one.gid, snapshot)) return true;
  return one.node->unlisted != nullptr &&
         std::any_of(groups.begin(), groups.end(), [&](int group) { return HasRecord(group, one.gid, snapshot); });
}

void ReadRecords(Run* run) {
  if (run->seen.empty()) return;
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const pg::Array<int> groups = GroupsWithRecords(snapshot);
  bool some = false;
  for (Seen& one : run->seen) {
    one.record = HasRecordOf(one, groups, snapshot);
    some = some || (one.record && !one.active);
  }
  UnregisterSnapshot(snapshot);
  run->lasting = !some || WaitUntilLasting(TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kLastingMs));
  run->left = run->left || !run->lasting;
}

/// Ends one prepared transaction; false when that did not work.
bool End(const Seen& one, core::Outcome outcome) {
  if (one.node->connection == nullptr) return false;  // it did not answer for another one
  const char* verb = outcome == core::Outcome::Commit ? "COMMIT" : "ROLLBACK";
  remote::StatementText statement;
  statement.sql = psprintf("%s PREPARED %s", verb, quote_literal_cstr(one.gid));
  remote::Request* request = remote::Send(one.node->connection, statement, nullptr);
  const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kFinishTimeoutMs);
  const bool answered = remote::WaitBounded(request, deadline);
  const bool done = answered && !request->failed;
  if (!answered) {
    remote::Close(one.node->connection, "the node did not answer in time");
    one.node->connection = nullptr;
  }
  // Another run of recovery was faster.
  if (answered && request->failed && strcmp(remote::FailureOf(request).sqlstate, "42704") == 0) return true;
  if (done) {
    ereport(LOG, (errmsg("finished prepared transaction \"%s\" on node %s: %s", one.gid, remote::NameOf(one.node->connection),
                         outcome == core::Outcome::Commit ? "committed" : "rolled back")));
  }
  return done;
}

void Finish(Run* run) {
  for (const Seen& one : run->seen) {
    const core::Outcome outcome = core::DecideRecovery(one.record, one.active, run->lasting);
    if (outcome == core::Outcome::Wait) continue;
    if (End(one, outcome)) {
      run->finished++;
    } else {
      run->left = true;
    }
  }
}

/// Of one group; a group is asked at several addresses while a node of its number comes and goes.
void ForgetRecordsOf(Run* run, int group) {
  pg::Array<const char*> kept;
  bool asked = false;
  bool answered = true;
  for (const ListedNode& node : run->lists.nodes) {
    if (node.group != group) continue;
    asked = true;
    answered = answered && node.lasting;
    for (const char* gid : *node.gids) {
      if (!core::MayForget(true, node.lasting, true)) kept.push_back(gid);
    }
  }
  if (!core::MayForget(asked, answered, false)) return;
  std::sort(kept.begin(), kept.end(), [](const char* a, const char* b) { return strcmp(a, b) < 0; });
  if (DeleteRecords(group, run->noted, kept, kForgetAtOnce) == kForgetAtOnce) run->left = true;
}

/// Nodes that are not listed and have nothing of ours any more.
void ForgetUnlisted(const Run& run) {
  for (const ListedNode& node : run.lists.nodes) {
    if (node.unlisted == nullptr || !node.unlisted->over || !node.lasting) continue;
    bool left = false;
    for (const char* gid : *node.gids) left = left || IsLookedFor(*node.unlisted, gid);
    if (!left) Forget(*node.unlisted);
  }
}

void ForgetFinished(Run* run) {
  for (const int group : GroupsWithRecords(run->noted)) ForgetRecordsOf(run, group);
  ForgetUnlisted(*run);
  ForgetOthers();  // also where there are no records of them
}

void Perform(core::RecoveryStep step, Run* run) {
  switch (step) {
    case core::RecoveryStep::NoteRecords: return NoteRecords(run);
    case core::RecoveryStep::ReadNodes: run->listed = ReadListed(); return;
    case core::RecoveryStep::ReadUnlisted: run->unlisted = ReadUnlisted(); return;
    case core::RecoveryStep::ListPrepared: return ReadLists(run);
    case core::RecoveryStep::LookForActive: return LookForActive(run);
    case core::RecoveryStep::ReadRecords: return ReadRecords(run);
    case core::RecoveryStep::Finish: return Finish(run);
    case core::RecoveryStep::Forget: return ForgetFinished(run);
  }
}

}  // namespace

int RecoverPrepared(bool* left) {
  Run run{};
  for (const core::RecoveryStep step : core::kRecovery) {
    const bool acts = step == core::RecoveryStep::Finish || step == core::RecoveryStep::Forget;
    if (acts && !core::MayAct(run.lists.standing)) {
      ereport(WARNING, (errmsg("this server does not finish prepared transactions"),
                        errdetail_internal("%s", Describe(run.lists.standing))));
      run.left = true;
      break;
    }
    Perform(step, &run);
  }
  UnregisterSnapshot(run.noted);
  *left = run.left;
  return run.finished;
}

}  // namespace altius::txn
