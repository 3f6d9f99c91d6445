// SPDX-License-Identifier: PostgreSQL
// The coordinator brings the list of nodes to those that could not be told of a change: they were
// down, or in the middle of a failover, when citus_update_node ran.
#include "activate.hpp"
#include "altius/catalog/metadata.hpp"
#include "altius/cluster/cluster.hpp"
#include "altius/core/route/book.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/chores.hpp"
#include "guards.hpp"
#include "pause_elsewhere.hpp"
#include "secrets.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_namespace.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
}

namespace altius::cluster {
namespace {

constexpr int kPeriodMs = 1000;
constexpr int kLongestPeriodMs = 10000;

int period_ms = kPeriodMs;  // of this worker; grows while a node stays away

/// Whoever changes the nodes holds this lock for as long as a failover takes; nobody waits for
/// that here.  Changes of the schema are not in the way, however long they stay open.
bool LockNodesNow() {
  return ConditionalLockRelationOid(get_relname_relid("pg_dist_node", PG_CATALOG_NAMESPACE),
                                    ShareRowExclusiveLock);
}

/// One that is being demoted is told when it has an address again.
const catalog::Node* FindUnsynced() {
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    const bool other = node->group != catalog::LocalGroup() && !core::IsNobody(node->host);
    if (!node->metadata_synced && other) return node;
  }
  return nullptr;
}

bool AreThereChanges() {
  return pg::FetchText("SELECT 1 FROM altius_internal.node_change LIMIT 1") != nullptr;
}

/// citus_update_node leaves its note in a table, for it must not wait for others that write theirs.
void TakeNotes() {
  pg::RunSql("DELETE FROM altius_internal.node_change");
  pg::RunSql(
      psprintf("UPDATE pg_catalog.pg_dist_node SET metadatasynced = false "
               "WHERE noderole = 'primary' AND isactive AND groupid <> %d",
               catalog::LocalGroup()));
  period_ms = 1;
}

void Repair() {
  if (RecoveryInProgress() || !catalog::IsActive() || !catalog::IsCoordinator()) return;
  const bool changes = AreThereChanges();
  if (!changes && FindUnsynced() == nullptr) {
    period_ms = kPeriodMs;
    return;
  }
  if (!LockNodesNow()) return;
  AcceptInvalidationMessages();
  if (changes) {
    TakeNotes();
    return;
  }
  const catalog::Node* node = FindUnsynced();
  if (node == nullptr) return;
  const int group = node->group;
  const char* address = psprintf("%s:%d", node->host, node->port);
  ErrorData* error = pg::Try([&] {
    pg::RunSql(psprintf(
        "UPDATE pg_catalog.pg_dist_node SET metadatasynced = true WHERE nodeid = %d", node->id));
    CommandCounterIncrement();
    CopyNodes(group);
  });
  period_ms = error == nullptr ? 1 : std::min(period_ms * 2, kLongestPeriodMs);
  if (error == nullptr) return;
  ereport(DEBUG1, (errmsg("node %s still can't be told of the other nodes", address),
                   errdetail_internal("%s", error->message)));
}

}  // namespace

void Init() {
  DefineGuardSettings();
  WatchTransactionEnds();
  InitRotation();
  txn::AddChore({"telling nodes of each other", [] { return period_ms; }, Repair});
}

}  // namespace altius::cluster
