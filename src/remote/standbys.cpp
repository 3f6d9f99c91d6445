// SPDX-License-Identifier: PostgreSQL
// Which standby of a group may serve reads.  Candidates are the address book's where somebody
// follows etcd, else pg_dist_node's secondaries; each session asks the one it uses, and the
// primary, each second how far they are.
#include "altius/door/door.hpp"
#include "altius/remote/standbys.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/settings.hpp"
#include "role.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace altius::remote {

namespace {

enum ReadFrom : int { kPrimary, kPreferPrimary, kPreferStandby, kStandby };
enum UseSecondaries : int { kNever, kAlways };

constexpr config_enum_entry kReadFrom[] = {
    {"primary", kPrimary, false},
    {"prefer_primary", kPreferPrimary, false},
    {"prefer_standby", kPreferStandby, false},
    {"standby", kStandby, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kUseSecondaries[] = {
    {"never", kNever, false}, {"always", kAlways, false}, {nullptr, 0, false}};

int read_from = kPrimary;
int use_secondaries = kNever;
int max_lag_kb = 16384;
char* cluster_name = nullptr;

constexpr int kAnswerMs = 1000;  // a server that takes longer to say how far it is, is not used
constexpr int kCheckMs = 1000;   // how long an answer counts
constexpr int kGoneMs = 5000;    // how long a primary that gave none is left alone

/// What this backend found out about a group.  In TopMemoryContext, for its life.
struct Choice {
  Choice* next;
  int group;
  Oid user;
  Connection* connection;  // null: none is fit
  TimestampTz good_until;
  uint64 book_version;
  uint64 catalog_version;
  Connection* avoid;  // failed just now
  TimestampTz avoid_until;
  TimestampTz gone_until;  // the primary did not answer
};

Choice* choices = nullptr;

ReadFrom Wanted() {
  return use_secondaries == kAlways ? kStandby : static_cast<ReadFrom>(read_from);
}

TimestampTz In(int ms) { return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms); }

Choice* ChoiceFor(int group) {
  for (Choice* choice = choices; choice != nullptr; choice = choice->next)
    if (choice->group == group && choice->user == LoginOfSession()) return choice;
  auto* made = static_cast<Choice*>(MemoryContextAllocZero(TopMemoryContext, sizeof(Choice)));
  made->next = choices;
  made->group = group;
  made->user = LoginOfSession();
  return choices = made;
}

/// The row's node id decides how to log in.
int NodeIdOf(const char* host, int port, int otherwise) {
  for (const catalog::Node* node : catalog::AllNodes())
    if (node->port == port && strcmp(node->host, host) == 0) return node->id;
  return otherwise;
}

pg::Array<Address> Candidates(int group) {
  pg::Array<Address> found;
  GroupEntry entry;
  if (IsFollowing() && Lookup(group, &entry) && entry.standby_count > 0) {
    for (int i = 0; i < entry.standby_count; i++) {
      const Standby& standby = entry.standbys[i];
      if (standby.usable)
        found.push_back(
            {pstrdup(standby.host), standby.port, NodeIdOf(standby.host, standby.port, 0)});
    }
    return found;
  }
  for (const catalog::Node* node : catalog::AllNodes()) {
    const bool fit = node->group == group && node->role == catalog::NodeRole::Secondary &&
                     node->active && strcmp(node->cluster, cluster_name) == 0;
    if (fit && !core::IsNobody(node->host)) found.push_back({node->host, node->port, node->id});
  }
  return found;
}

class NumberSink final : public RowSink {
 public:
  void Row(const PGresult* result, int row) override {
    known = PQgetisnull(result, row, 0) == 0;
    if (known) value = strtoll(PQgetvalue(result, row, 0), nullptr, 10);
  }
  int64 value = 0;
  bool known = false;
};

/// False when the server does not say in time.
bool AskPosition(Connection* connection, const char* function, int64* position) {
  if (connection == nullptr || connection->state != State::Ready || connection->in_copy)
    return false;
  auto* sink = new (palloc(sizeof(NumberSink))) NumberSink;
  StatementText statement;
  statement.sql = psprintf(
      "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.%s(), '0/0')::pg_catalog.int8", function);
  Request* request = Send(connection, statement, sink);
  if (!WaitBounded(request, In(kAnswerMs)) || request->failed || !sink->known) {
    Forget(request, false);
    return false;
  }
  *position = sink->value;
  return true;
}

/// Null when it is gone, or was just now.
Connection* PrimaryOf(Choice* choice) {
  if (choice->gone_until != 0 && GetCurrentTimestamp() < choice->gone_until) return nullptr;
  Connection* primary = PrimaryWithin(choice->group, kAnswerMs);
  choice->gone_until = primary == nullptr ? In(kGoneMs) : 0;
  return primary;
}

/// The primary counts as gone when it does not say where it is: then the standby's is the newest
/// data there is.
bool IsNearEnough(Connection* standby, Choice* choice) {
  int64 here = 0;
  int64 there = 0;
  if (max_lag_kb < 0) return true;
  if (!AskPosition(standby, "pg_last_wal_replay_lsn", &here)) return false;
  // Asked later, so the lag is never found too small.
  Connection* primary = PrimaryOf(choice);
  if (primary == nullptr) return true;
  if (!AskPosition(primary, "pg_current_wal_lsn", &there)) {
    choice->gone_until = In(kGoneMs);
    return true;
  }
  return there - here <= static_cast<int64>(max_lag_kb) * 1024;
}

Connection* FindFit(int group, Choice* choice) {
  const pg::Array<Address> candidates = Candidates(group);
  const bool avoids = choice->avoid != nullptr && GetCurrentTimestamp() < choice->avoid_until;
  for (int i = 0; i < candidates.size(); i++) {
    // Sessions begin with different ones.
    const Address& address = candidates[(i + MyProcPid) % candidates.size()];
    Connection* connection = StandbyWithin(group, address, kAnswerMs);
    if (connection == nullptr || (avoids && connection == choice->avoid)) continue;
    if (IsNearEnough(connection, choice)) return connection;
  }
  return nullptr;
}

bool IsGood(const Choice* choice) {
  if (choice->good_until == 0 || GetCurrentTimestamp() >= choice->good_until) return false;
  if (choice->book_version != BookVersion() || choice->catalog_version != catalog::NodesVersion())
    return false;
  return choice->connection == nullptr || choice->connection->state == State::Ready;
}

/// Null when none is fit now.
Connection* Choose(int group) {
  Choice* choice = ChoiceFor(group);
  if (choice->connection != nullptr) CheckStandby(choice->connection);
  if (IsGood(choice)) return choice->connection;
  choice->connection = FindFit(group, choice);
  choice->good_until = In(kCheckMs);
  choice->book_version = BookVersion();
  choice->catalog_version = catalog::NodesVersion();
  return choice->connection;
}

/// Tries until there is one.
Connection* Insist(int group) {
  Hold hold;
  for (;;) {
    Connection* connection = Choose(group);
    if (connection != nullptr) return connection;
    if (!WaitForChange(group, &hold)) break;
  }
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("group %d has no standby that can be read", group),
                  errdetail("None is registered, reachable and less than altius.max_standby_lag "
                            "behind."),
                  use_secondaries == kAlways
                      ? errhint("citus.use_secondary_nodes is \"always\": only standbys are read.")
                      : errhint("altius.read_from = prefer_standby reads from the primary then.")));
  pg_unreachable();
}

}  // namespace

bool ReadsFromStandbys() { return Wanted() != kPrimary && !door::IsNodeSession(); }

bool IsReadOnlySession() { return use_secondaries == kAlways && !door::IsNodeSession(); }

Connection* StandbyToRead(int group) {
  if (!ReadsFromStandbys()) return nullptr;
  switch (Wanted()) {
    case kPrimary:
      return nullptr;
    case kPreferPrimary:
      return PrimaryOf(ChoiceFor(group)) != nullptr ? nullptr : Choose(group);
    case kPreferStandby:
      return Choose(group);
    case kStandby:
      return Insist(group);
  }
  return nullptr;
}

bool IsToStandby(const Connection* connection) { return connection->standby; }

bool AvoidStandby(Connection* connection) {
  Choice* choice = ChoiceFor(connection->group);
  choice->avoid = connection;
  choice->avoid_until = In(kCheckMs);
  choice->good_until = 0;
  choice->connection = nullptr;
  return Wanted() != kStandby || connection->state != State::Ready ||
         Candidates(connection->group).size() > 1;
}

void DefineStandbySettings() {
  static const pg::EnumSetting enums[] = {
      {"altius.read_from",
       "Says which servers of a group a session's reads go to, outside of transactions that wrote.",
       &read_from, kPrimary, kReadFrom, PGC_USERSET, 0},
      {"citus.use_secondary_nodes", "Reads standbys and nothing else; the session can't write.",
       &use_secondaries, kNever, kUseSecondaries, PGC_SU_BACKEND, 0},
  };
  static const pg::IntSetting ints[] = {
      {"altius.max_standby_lag",
       "Sets how much WAL a standby that is read may be behind its primary; -1: any amount.",
       &max_lag_kb, 16384, -1, INT_MAX, PGC_USERSET, GUC_UNIT_KB},
  };
  static const pg::StringSetting strings[] = {
      {"citus.cluster_name", "Says by nodecluster which secondaries a session reads.",
       &cluster_name, "default", PGC_SU_BACKEND, 0},
  };
  pg::Define(enums);
  pg::Define(ints);
  pg::Define(strings);
}

}  // namespace altius::remote
