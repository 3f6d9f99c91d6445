// SPDX-License-Identifier: PostgreSQL
// Deadlocks over several nodes: each node with a transaction that may be stuck gathers the waits of
// all nodes, core picks the victims, and the node where a victim began cancels it.
#include "altius/catalog/metadata.hpp"
#include "altius/core/deadlock/graph.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "maintenance.hpp"
#include "participants.hpp"
#include "shared_state.hpp"
#include "wait_edges.hpp"

namespace altius::txn {

namespace {

constexpr int kGatherTimeoutMs = 3000;

class EdgeSink final : public remote::RowSink {
 public:
  explicit EdgeSink(pg::Array<WaitEdge>* the_edges) : edges(the_edges) {}
  void Row(const PGresult* result, int row) override {
    const auto waiting = core::ParseTransactionId(PQgetvalue(result, row, 0));
    const auto blocking = core::ParseTransactionId(PQgetvalue(result, row, 1));
    if (waiting.has_value() && blocking.has_value())
      edges->push_back(WaitEdge{*waiting, *blocking, strcmp(PQgetvalue(result, row, 2), "t") == 0});
  }
  pg::Array<WaitEdge>* edges;
};

void GatherFromOthers(pg::Array<WaitEdge>* edges) {
  int count;
  const int* groups = OtherGroups(&count);
  remote::OpenSeparateAhead(groups, count);
  pg::Array<remote::Request*> requests;
  remote::StatementText statement;
  statement.sql = "SELECT waiting, blocking, choice FROM altius_internal.local_wait_edges()";
  statement.prepare = true;
  for (int i = 0; i < count; i++) {
    remote::Connection* connection = remote::TrySeparateConnectionTo(groups[i]);
    if (connection == nullptr) continue;  // who waits there waits for nobody who could be found
    EdgeSink* sink = new (palloc(sizeof(EdgeSink))) EdgeSink(edges);
    requests.push_back(remote::Send(connection, statement, sink));
  }
  const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kGatherTimeoutMs);
  for (remote::Request* request : requests) {
    if (!remote::WaitBounded(request, deadline))
      remote::Close(request->connection, "the node did not answer in time");
  }
}

/// A backend runs one transaction at a time: the full id, where some node knows it, replaces the
/// partial one.
void Unify(core::TransactionId* id, const pg::Array<WaitEdge>& edges) {
  if (id->number != kNoNumber) return;
  for (const WaitEdge& edge : edges) {
    for (const core::TransactionId& other : {edge.waiting, edge.blocking}) {
      if (other.number == kNoNumber || other.group != id->group || other.pid != id->pid) continue;
      *id = other;
      return;
    }
  }
}

pg::Array<WaitEdge> Gather() {
  pg::Array<WaitEdge> edges = LocalWaitEdges();
  GatherFromOthers(&edges);
  for (WaitEdge& edge : edges) {
    Unify(&edge.waiting, edges);
    Unify(&edge.blocking, edges);
  }
  return edges;
}

/// core's answer, copied to `victims`, which has room for as many as there are edges.
int FindVictims(const pg::Array<WaitEdge>& edges, core::TransactionId* victims) {
  return pg::Entry([&] {
    core::WaitGraph graph;
    for (const WaitEdge& edge : edges)
      edge.choice ? graph.AddChoice(edge.waiting, edge.blocking) : graph.AddEdge(edge.waiting, edge.blocking);
    int count = 0;
    for (const core::TransactionId& victim : graph.Victims()) victims[count++] = victim;
    return count;
  });
}

core::TransactionId* VictimsNow(int* count) {
  const pg::Array<WaitEdge> edges = Gather();
  core::TransactionId* victims = static_cast<core::TransactionId*>(
      palloc(sizeof(core::TransactionId) * (2 * edges.size() + 1)));
  *count = edges.empty() ? 0 : FindVictims(edges, victims);
  return victims;
}

bool IsIn(const core::TransactionId& id, const core::TransactionId* list, int count) {
  for (int i = 0; i < count; i++) {
    if (list[i] == id) return true;
  }
  return false;
}

}  // namespace

bool MayBeStuck(int64 older_than_us) {
  const TimestampTz now = GetCurrentTimestamp();
  for (int i = 0; i < shared->backend_count; i++) {
    const BackendSlot& slot = shared->backends[i];  // a glance without lock
    if (slot.pid == 0 || slot.database != MyDatabaseId || slot.id.pid != slot.pid) continue;
    if (slot.id.number != 0 && slot.id.started_us < now - older_than_us) return true;
  }
  return false;
}

bool CheckDeadlocks() {
  int count;
  const core::TransactionId* victims = VictimsNow(&count);
  int ours = 0;
  for (int i = 0; i < count; i++) ours += victims[i].group == catalog::LocalGroup() ? 1 : 0;
  if (ours == 0) return false;
  // The nodes were asked at different moments: only what is still so is a deadlock.
  int confirmed_count;
  const core::TransactionId* confirmed = VictimsNow(&confirmed_count);
  bool cancelled = false;
  for (int i = 0; i < count; i++) {
    if (victims[i].group != catalog::LocalGroup() || !IsIn(victims[i], confirmed, confirmed_count))
      continue;
    const uint64 number = victims[i].number == kNoNumber ? 0 : victims[i].number;
    if (!CancelVictim(victims[i].pid, number)) continue;
    cancelled = true;
    ereport(LOG, (errmsg("canceled backend %d since it was involved in a distributed deadlock",
                         victims[i].pid)));
  }
  return cancelled;
}

}  // namespace altius::txn
