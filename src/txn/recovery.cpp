// SPDX-License-Identifier: PostgreSQL
// Recovery: prepared transactions that a crash left on some node are committed when their record is
// here, else rolled back. The order of looking makes it right, see core/txn/decision.hpp.
#include "altius/catalog/metadata.hpp"
#include "altius/core/txn/decision.hpp"
#include "altius/pg/spi.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "maintenance.hpp"
#include "participants.hpp"
#include "unlisted.hpp"

extern "C" {
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

namespace altius::txn {

namespace {

constexpr int kNodeTimeoutMs = 10000;
constexpr int kRecordsAtOnce = 500;

struct Found {
  int group;
  char* gid;
};

/// What one node lists.
struct Node {
  int group;
  const Unlisted* unlisted;  // null: where the group's primary is
  remote::Connection* connection;  // null: not reached
  remote::Request* request;
  pg::Array<Found>* prepared;
  bool answered;
};

class GidSink final : public remote::RowSink {
 public:
  GidSink(int the_group, pg::Array<Found>* the_list) : group(the_group), list(the_list) {}
  void Row(const PGresult* result, int row) override {
    list->push_back(Found{group, pstrdup(PQgetvalue(result, row, 0))});
  }
  int group;
  pg::Array<Found>* list;
};

pg::Array<Found>* NewList() { return new (palloc0(sizeof(pg::Array<Found>))) pg::Array<Found>; }

TimestampTz Deadline() {
  return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kNodeTimeoutMs);
}

/// The records that are committed now.
pg::Array<Found>* ReadRecords() {
  MemoryContext home = CurrentMemoryContext;
  pg::Array<Found>* records = NewList();
  SPI_connect();
  // Not read-only: a new snapshot.
  if (SPI_execute("SELECT groupid, gid FROM pg_catalog.pg_dist_transaction", false, 0) !=
      SPI_OK_SELECT) {
    elog(ERROR, "could not read pg_dist_transaction");
  }
  MemoryContext spi = MemoryContextSwitchTo(home);
  for (uint64 i = 0; i < SPI_processed; i++) {
    HeapTuple tuple = SPI_tuptable->vals[i];
    bool null;
    const int group = DatumGetInt32(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &null));
    const Datum gid = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &null);
    records->push_back(Found{group, TextDatumGetCString(gid)});
  }
  MemoryContextSwitchTo(spi);
  SPI_finish();
  return records;
}

void AskNode(Node* node) {
  const char* user = GetUserNameFromId(GetUserId(), false);
  node->connection =
      node->unlisted == nullptr
          ? remote::TrySeparateConnectionTo(node->group)
          : remote::TryConnectionToAddress(node->unlisted->host, node->unlisted->port, user);
  if (node->connection == nullptr) return;
  remote::StatementText statement;
  statement.sql =
      "SELECT gid FROM pg_catalog.pg_prepared_xacts"
      " WHERE database = pg_catalog.current_database() AND pg_catalog.starts_with(gid, 'altius_')";
  node->request = remote::Send(node->connection, statement,
                               new (palloc(sizeof(GidSink))) GidSink(node->group, node->prepared));
}

pg::Array<Node> ListPrepared(const pg::Array<Unlisted>& unlisted) {
  pg::Array<Node> nodes;
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    nodes.push_back(Node{node->group, nullptr, nullptr, nullptr, NewList(), false});
  }
  for (const Node& node : nodes) remote::OpenSeparateAhead(&node.group, 1);
  for (const Unlisted& node : unlisted)
    nodes.push_back(Node{node.group, &node, nullptr, nullptr, NewList(), false});
  for (Node& node : nodes) AskNode(&node);
  const TimestampTz deadline = Deadline();
  for (Node& node : nodes) {
    if (node.connection == nullptr) continue;
    node.answered = remote::WaitBounded(node.request, deadline) && !node.request->failed;
    if (!node.answered) remote::Close(node.connection, "the node did not answer in time");
  }
  return nodes;
}

bool Contains(const pg::Array<Found>& list, const Found& wanted) {
  for (const Found& found : list) {
    if (found.group == wanted.group && strcmp(found.gid, wanted.gid) == 0) return true;
  }
  return false;
}

/// Read with a new snapshot: a transaction is visible before it tells the others to drop what they
/// have cached, and it finishes its participants in between.
pg::Array<int> ReadGroups() {
  pg::Array<int> groups;
  for (const char* group : pg::FetchTexts("SELECT groupid FROM pg_catalog.pg_dist_node"))
    groups.push_back(atoi(group));
  return groups;
}

bool IsAmong(const pg::Array<int>& groups, int group) {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

/// Whether this node decides: it began the transaction, or it is the coordinator and the beginner's
/// group is gone.
bool IsOurs(const Node& node, const char* gid, const core::PreparedId& id,
            const pg::Array<int>& groups) {
  if (node.unlisted != nullptr && !IsLookedFor(*node.unlisted, gid)) return false;
  if (id.group == catalog::LocalGroup()) return true;
  return catalog::IsCoordinator() && !IsAmong(groups, id.group);
}

/// Ends one prepared transaction; false when that did not work.
bool Finish(const Node& node, const char* gid, core::Outcome outcome) {
  const char* verb = outcome == core::Outcome::Commit ? "COMMIT" : "ROLLBACK";
  remote::StatementText statement;
  statement.sql = psprintf("%s PREPARED %s", verb, quote_literal_cstr(gid));
  remote::Request* request = remote::Send(node.connection, statement, nullptr);
  const bool done = remote::WaitBounded(request, Deadline()) && !request->failed;
  if (done) {
    ereport(LOG, (errmsg("finished prepared transaction \"%s\" on node %s: %s", gid,
                         remote::NameOf(node.connection),
                         outcome == core::Outcome::Commit ? "committed" : "rolled back")));
  }
  return done;
}

bool IsStillActive(const core::PreparedId& id) { return IsActiveHere(id.pid, id.number); }

struct Seen {
  const Node* node;
  const char* gid;
  bool active;
};

/// Records seen before the lists, whose participants answered and list them no more.
void DeleteOldRecords(const pg::Array<Found>& before, const pg::Array<Node>& nodes,
                      const pg::Array<int>& groups) {
  StringInfoData sql;
  initStringInfo(&sql);
  int count = 0;
  for (const Found& record : before) {
    bool may_go = !IsAmong(groups, record.group);
    for (const Node& node : nodes) {
      if (node.group != record.group) continue;
      const bool active =
          core::ParseGid(record.gid).has_value() && IsStillActive(*core::ParseGid(record.gid));
      may_go = core::MayDeleteRecord(Contains(*node.prepared, record), active, node.answered);
    }
    if (!may_go) continue;
    appendStringInfo(&sql, "%s(%d, %s)", count == 0 ? "" : ",", record.group,
                     quote_literal_cstr(record.gid));
    if (++count == kRecordsAtOnce) break;
  }
  if (count == 0) return;
  SPI_connect();
  SPI_execute(
      psprintf("DELETE FROM pg_catalog.pg_dist_transaction d USING (VALUES %s) AS v(groupid, gid)"
               " WHERE d.groupid = v.groupid AND d.gid = v.gid",
               sql.data),
      false, 0);
  SPI_finish();
}

/// Nodes that are not listed and have nothing of ours any more.
void ForgetFinished(const pg::Array<Node>& nodes) {
  for (const Node& node : nodes) {
    if (node.unlisted == nullptr || !node.unlisted->over || !node.answered) continue;
    bool left = false;
    for (const Found& found : *node.prepared) left = left || IsLookedFor(*node.unlisted, found.gid);
    if (!left) Forget(*node.unlisted);
  }
  ForgetOthers();
}

}  // namespace

int RecoverPrepared(bool* left) {
  *left = false;
  const pg::Array<Found>* before = ReadRecords();
  const pg::Array<Unlisted> unlisted = ReadUnlisted();
  const pg::Array<Node> nodes = ListPrepared(unlisted);
  const pg::Array<int> groups = ReadGroups();  // after the lists: who began what they name is there
  pg::Array<Seen> seen;
  for (const Node& node : nodes) {
    *left = *left || !node.answered;
    for (const Found& found : *node.prepared) {
      const auto id = core::ParseGid(found.gid);
      if (id.has_value() && IsOurs(node, found.gid, *id, groups))
        seen.push_back(Seen{&node, found.gid, IsStillActive(*id)});
    }
  }
  int finished = 0;
  const pg::Array<Found>* after = seen.empty() ? before : ReadRecords();
  for (const Seen& one : seen) {
    const core::Outcome outcome = core::DecideRecovery(
        Contains(*after, Found{one.node->group, const_cast<char*>(one.gid)}), one.active);
    if (outcome == core::Outcome::Wait || !one.node->answered) continue;
    if (Finish(*one.node, one.gid, outcome)) {
      finished++;
    } else {
      *left = true;
    }
  }
  DeleteOldRecords(*before, nodes, groups);
  ForgetFinished(nodes);
  return finished;
}

}  // namespace altius::txn
