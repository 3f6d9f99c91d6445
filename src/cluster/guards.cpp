// SPDX-License-Identifier: PostgreSQL
#include "guards.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/core/route/password.hpp"
#include "altius/pg/bounded_lock.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/spi.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_namespace.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

#include <climits>

namespace altius::cluster {

void RequireCoordinator() {
  if (catalog::IsCoordinator()) return;
  const char* hint = "Connect to the coordinator and try again.";
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group != catalog::kCoordinatorGroup) continue;
    hint = psprintf("Run this on the coordinator, %s:%d.", node->host, node->port);
  }
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
           errmsg("this operation is only allowed on the coordinator"), errhint("%s", hint)));
}

void RequireSuperuser() {
  if (superuser()) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("must be superuser to change the nodes of the cluster")));
}

namespace {

int node_lock_timeout_ms = 10000;

/// The user's own limit stays when it is the shorter one.
int LimitLocks() {
  const int level = NewGUCNestLevel();
  if (node_lock_timeout_ms > 0 && (LockTimeout == 0 || LockTimeout > node_lock_timeout_ms)) {
    (void)set_config_option("lock_timeout", psprintf("%d", node_lock_timeout_ms), PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_SAVE, true, 0, false);
  }
  return level;
}

}  // namespace

void DefineGuardSettings() {
  static const pg::IntSetting settings[] = {
      {"altius.node_lock_timeout", "Sets how long adding or removing a node waits for each lock; 0 means without end.",
       &node_lock_timeout_ms, 10000, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS},
  };
  pg::Define(settings);
}

void LockForNodeChange(Oid relid, LOCKMODE mode, const char* what) {
  pg::LockRelationWithin(relid, mode, node_lock_timeout_ms, what);
}

int NodeLockTimeout() { return node_lock_timeout_ms; }

int BeginNodeChange() {
  RequireSuperuser();
  RequireCoordinator();
  if (IsolationUsesXactSnapshot()) {
    ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                    errmsg("nodes cannot be changed in a transaction of isolation level \"%s\"",
                           GetConfigOption("transaction_isolation", false, false)),
                    errdetail("Rows committed after its snapshot would be missed."),
                    errhint("Use READ COMMITTED.")));
  }
  const Oid nodes = get_relname_relid("pg_dist_node", PG_CATALOG_NAMESPACE);
  const Oid tables = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
  LockForNodeChange(nodes, ExclusiveLock, "the list of nodes");
  LockForNodeChange(tables, ShareRowExclusiveLock, "the list of distributed tables");
  return LimitLocks();
}

void EndNodeChange(int level) { AtEOXact_GUC(true, level); }

const catalog::Node* FindNodeByAddress(const char* host, int port) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->port == port && strcmp(node->host, host) == 0) return node;
  }
  return nullptr;
}

const catalog::Node* RequireNode(const char* host, int port) {
  const catalog::Node* node = FindNodeByAddress(host, port);
  if (node != nullptr) return node;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                  errmsg("node at \"%s:%d\" does not exist", host, port),
                  errhint("SELECT * FROM pg_dist_node shows the nodes.")));
}

void RequireAddress(const char* host, int port) {
  if (core::IsOneHost(host) && strlen(host) <= 255 && port >= 1 && port <= 65535) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s:%d\" is not the address of a node", host, port)));
}

void RequireKnownAddress(const char* host, int port) {
  if (superuser() || FindNodeByAddress(host, port) != nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("must be superuser to connect to a server that is not in pg_dist_node")));
}

void RunEverywhere(const char* sql) {
  txn::ExecuteOnOtherNodes(sql);
  pg::RunSql(sql);
}

}  // namespace altius::cluster
