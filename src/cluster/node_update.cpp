// SPDX-License-Identifier: PostgreSQL
// citus_update_node and citus_pause_node_within_txn: a group is paused, its address changed, and
// everybody goes on at the new one once the transaction is committed.
#include "guards.hpp"
#include "node_rows.hpp"
#include "node_update.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "pause_elsewhere.hpp"
#include "altius/remote/address_book.hpp"
#include "altius/remote/pause.hpp"
#include "altius/txn/shared.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/builtins.h"
}

namespace altius::cluster {
namespace {

/// A change of this transaction.  Lives in TopTransactionContext.
struct Change {
  Change* next;
  int level;  // transaction nesting level
  int node_id;
  int group;  // -1: not of a primary
  char* host;
  int port;
};

Change* changes = nullptr;  // the last one first

void Remember(const catalog::Node& node, const char* host, int port) {
  MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
  auto* change = static_cast<Change*>(palloc(sizeof(Change)));
  const int group = node.role == catalog::NodeRole::Primary ? node.group : -1;
  *change = {changes, GetCurrentTransactionNestLevel(), node.id, group, pstrdup(host), port};
  MemoryContextSwitchTo(before);
  changes = change;
}

const catalog::Node* RequireNodeById(int id) {
  const catalog::Node* node = catalog::FindNode(id);
  if (node != nullptr) return node;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node %d does not exist", id),
                  errhint("SELECT * FROM pg_dist_node shows the nodes.")));
  pg_unreachable();
}

/// A primary takes over the address of one of its standbys: that one was promoted.
bool MayTakeFrom(const catalog::Node& node, const catalog::Node& other) {
  return node.group == other.group && node.role == catalog::NodeRole::Primary &&
         other.role == catalog::NodeRole::Secondary;
}

/// False when it has the address already.
bool CheckAddress(int id, const char* host, int port) {
  RequireAddress(host, port);
  const catalog::Node* other = FindNodeByAddress(host, port);
  if (other == nullptr) return true;
  if (other->id == id) return false;
  if (MayTakeFrom(*RequireNodeById(id), *other)) return true;
  ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
                  errmsg("node %d has the address %s:%d already", other->id, host, port)));
  pg_unreachable();
}

/// The row here; a follower of the address book's is told after the commit.
void WriteAddress(int id, const char* host, int port) {
  const catalog::Node node = *RequireNodeById(id);
  Remember(node, host, port);
  TakeNodeAddress(node, host, port);
}

void Pause(const catalog::Node& node, bool force, int cooldown_ms) {
  if (node.role != catalog::NodeRole::Primary) return;
  const int group = node.group;
  StartPauseElsewhere(group, force, cooldown_ms);
  remote::PauseGroup(group, force, cooldown_ms);
  FinishPauseElsewhere(group, cooldown_ms);
}

/// Nodes that could not be told right after the commit are told by the maintenance worker.
void LeaveNoteForRepair(int id) {
  if (!catalog::IsCoordinator()) return;
  pg::RunSql(psprintf("INSERT INTO altius_internal.node_change VALUES (%d)", id));
}

void UpdateNode(int id, const char* host, int port, bool force, int cooldown_ms) {
  if (host[0] == '\0' || strlen(host) > 255 || port < 1 || port > 65535) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("\"%s:%d\" is not the address of a node", host, port)));
  }
  const catalog::Node* node = RequireNodeById(id);
  if (!CheckAddress(id, host, port)) return;
  Pause(*node, force, cooldown_ms);
  if (!CheckAddress(id, host, port)) return;  // by whoever held the group meanwhile
  WriteAddress(id, host, port);
  TellLater(psprintf("SELECT altius_internal.set_node_address(%d, %s, %d)", id,
                     quote_literal_cstr(host), port));
  LeaveNoteForRepair(id);
}

void OnCommit() {
  if (changes == nullptr) return;
  // The last change of a group counts.
  for (const Change* change = changes; change != nullptr; change = change->next) {
    bool newest = change->group >= 0 && !core::IsNobody(change->host);
    for (const Change* later = changes; later != change; later = later->next)
      newest = newest && later->group != change->group;
    if (newest) remote::NoteNewAddress(change->group, change->host, change->port);
  }
  remote::WakeWaiters();
  txn::WakeMaintenance();
}

}  // namespace

void EndAddressChanges(bool committed) {
  if (committed) OnCommit();
  changes = nullptr;
}

void EndAddressChangesOf(int level, bool committed) {
  if (!committed) {
    while (changes != nullptr && changes->level >= level) changes = changes->next;
    return;
  }
  for (Change* change = changes; change != nullptr; change = change->next)
    change->level = std::min(change->level, level - 1);
}

}  // namespace altius::cluster

using namespace altius;           // NOLINT: the functions below are outside of any namespace
using namespace altius::cluster;  // NOLINT

ALTIUS_FUNCTION(citus_update_node) {
  RequireSuperuser();
  // Changes of several groups do not wait for each other; nodes that come and go do.
  catalog::LockNodes(RowExclusiveLock);
  UpdateNode(PG_GETARG_INT32(0), text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_INT32(2),
             PG_GETARG_BOOL(3), PG_GETARG_INT32(4));
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(citus_pause_node_within_txn) {
  RequireSuperuser();
  catalog::LockNodes(RowExclusiveLock);
  Pause(*RequireNodeById(PG_GETARG_INT32(0)), PG_GETARG_BOOL(1), PG_GETARG_INT32(2));
  PG_RETURN_VOID();
}

/// What citus_update_node asks of the other nodes.
ALTIUS_FUNCTION(altius_pause_group) {
  RequireSuperuser();
  remote::PauseGroup(PG_GETARG_INT32(0), PG_GETARG_BOOL(1), PG_GETARG_INT32(2));
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_set_node_address) {
  RequireSuperuser();
  WriteAddress(PG_GETARG_INT32(0), text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_INT32(2));
  PG_RETURN_VOID();
}
