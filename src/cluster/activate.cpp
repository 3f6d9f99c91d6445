// SPDX-License-Identifier: PostgreSQL
#include "activate.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/ddl/objects.hpp"
#include "altius/pg/spi.hpp"
#include "altius/txn/coordinated.hpp"
#include "guards.hpp"
#include "probe.hpp"
#include "secrets.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace altius::cluster {
namespace {

/// Tables whose rows are the same on all nodes and hold no oids.
constexpr const char* kPlainTables[] = {"pg_dist_node", "pg_dist_rebalance_strategy"};

/// One statement that makes the other node's table equal to this one's; null when ours is empty.
char* CopyRowsCommand(const char* table) {
  return pg::FetchText(psprintf(
      "SELECT pg_catalog.format('INSERT INTO pg_catalog.%s SELECT * FROM "
      "pg_catalog.json_populate_recordset(NULL::pg_catalog.%s, %%L)', pg_catalog.json_agg(it)) "
      "FROM pg_catalog.%s it HAVING pg_catalog.count(*) > 0",
      table, table, table));
}

List* PlainCommands() {
  List* commands = NIL;
  for (const char* table : kPlainTables) {
    commands = lappend(commands, psprintf("DELETE FROM pg_catalog.%s", table));
    char* copy = CopyRowsCommand(table);
    if (copy != nullptr) commands = lappend(commands, copy);
  }
  return commands;
}

List* IdentityCommands(int group) {
  return list_make2(
      psprintf("UPDATE pg_catalog.pg_dist_local_group SET groupid = %d", group),
      psprintf("SELECT altius_internal.set_cluster_id(%s)", quote_literal_cstr(ClusterId())));
}

List* TableMetadataCommands() {
  List* commands = NIL;
  for (char* id : pg::FetchTexts("SELECT colocationid FROM pg_catalog.pg_dist_colocation")) {
    commands = lappend(commands, catalog::ColocationCommand(atoi(id)));
  }
  for (const catalog::Table* table : catalog::AllTables()) {
    commands = list_concat(commands, catalog::TableCommands(*table));
  }
  for (char* schema :
       pg::FetchTexts("SELECT pg_catalog.format('INSERT INTO pg_catalog.pg_dist_schema VALUES "
                      "(%L::pg_catalog.regnamespace, %s)', pg_catalog.quote_ident(nspname), colocationid) FROM "
                      "pg_catalog.pg_dist_schema "
                      "JOIN pg_catalog.pg_namespace n ON n.oid = schemaid")) {
    commands = lappend(commands, schema);
  }
  return commands;
}

/// A node that holds shards keeps all its tables; only what it knows about the cluster is written
/// anew.
void RefreshMetadata(int group) {
  RunOnGroup(group, list_make1(pstrdup("SELECT altius_internal.clear_metadata()")));
  RunOnGroup(group, IdentityCommands(group));
  CopyNodes(group);
  RunOnGroup(group, TableMetadataCommands());
}

}  // namespace

void RunOnGroup(int group, List* commands) {
  constexpr int kBatch = 64;  // statements in flight
  remote::Connection* connection = txn::Enlist(group, txn::Access::Write);
  remote::Request* requests[kBatch];
  int count = 0;
  ListCell* cell;
  foreach (cell, commands) {
    const remote::StatementText statement = {.sql = static_cast<const char*>(lfirst(cell)), .by_node = true};
    requests[count++] = remote::Send(connection, statement, nullptr);
    if (count < kBatch && lnext(commands, cell) != nullptr) continue;
    remote::WaitAll(requests, count);
    count = 0;
  }
}

void CopyNodes(int group) {
  RunOnGroup(group, PlainCommands());
  HandSecrets(group);
}

void ResetNode(int group) {
  RunOnGroup(group, list_make1(pstrdup("SELECT altius_internal.reset_node()")));
}

void BringToFullState(int group) {
  if (SoleShardsOf(group) > 0) {
    RefreshMetadata(group);
    return;
  }
  ResetNode(group);
  RunOnGroup(group, IdentityCommands(group));
  HandRoles(group);
  RunOnGroup(group, ddl::ObjectCommands());
  CopyNodes(group);
  RunOnGroup(group, TableMetadataCommands());
  CopyReferenceTables(group);
}

int64 SoleShardsOf(int group) {
  const char* count = pg::FetchText(psprintf(
      "SELECT count(*) FROM pg_catalog.pg_dist_placement mine WHERE groupid = %d AND shardstate = "
      "1 "
      "AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_placement other "
      "WHERE other.shardid = mine.shardid AND other.groupid <> %d AND other.shardstate = 1)",
      group, group));
  return strtoll(count, nullptr, 10);
}

void DropSparePlacements(int group) {
  RunEverywhere(psprintf("DELETE FROM pg_catalog.pg_dist_placement WHERE groupid = %d", group));
}

}  // namespace altius::cluster
