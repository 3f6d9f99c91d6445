// SPDX-License-Identifier: PostgreSQL
#include "node_rows.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/core/route/book.hpp"
#include "altius/pg/spi.hpp"
#include "guards.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace altius::cluster {
namespace {

bool IsPrimary(const NewNode& node) { return strcmp(node.role, "primary") == 0; }

/// Written by hand into the metadata of the coordinator alone: workers place nothing.
constexpr const char* kRoleKey = "coordinator_role_is_set";

char* AddressCommand(int node_id, const char* host, int port) {
  return psprintf(
      "UPDATE pg_catalog.pg_dist_node SET nodename = %s, nodeport = %d WHERE nodeid = %d",
      quote_literal_cstr(host), port, node_id);
}

void MoveRow(int node_id, const char* host, int port) {
  pg::RunSql(AddressCommand(node_id, host, port));
}

}  // namespace

void CheckNewNode(const NewNode& node) {
  RequireAddress(node.host, node.port);
  if (IsPrimary(node) && strcmp(node.cluster, "default") != 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("primaries must be added to the cluster \"default\"")));
  }
  if (!IsPrimary(node) && node.group < 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("a secondary needs the group of its primary"),
                    errhint("Give groupid, or use citus_add_secondary_node.")));
  }
  for (const catalog::Node* other : catalog::AllNodes()) {
    if (!IsPrimary(node) || other->group != node.group ||
        other->role != catalog::NodeRole::Primary) {
      continue;
    }
    ereport(ERROR,
            (errcode(ERRCODE_DUPLICATE_OBJECT),
             errmsg("group %d has a primary already: %s:%d", node.group, other->host, other->port),
             errhint("citus_update_node changes the address of a node.")));
  }
}

int InsertNode(const NewNode& node, int* group) {
  const int id = catalog::NextNodeId();
  *group = node.group >= 0 ? node.group : catalog::NextGroupId();
  const char* active = node.active ? "true" : "false";
  RunEverywhere(
      psprintf("INSERT INTO pg_catalog.pg_dist_node (nodeid, groupid, nodename, nodeport, "
               "hasmetadata, isactive, "
               "noderole, nodecluster, metadatasynced, shouldhaveshards) "
               "VALUES (%d, %d, %s, %d, %s, %s, %s, %s, %s, %s)",
               id, *group, quote_literal_cstr(node.host), node.port, active, active,
               quote_literal_cstr(node.role), quote_literal_cstr(node.cluster), active,
               node.should_have_shards ? "true" : "false"));
  return id;
}

void SetActive(int node_id, bool active) {
  const char* value = active ? "true" : "false";
  RunEverywhere(
      psprintf("UPDATE pg_catalog.pg_dist_node SET isactive = %s, hasmetadata = %s, "
               "metadatasynced = %s WHERE nodeid = %d",
               value, value, value, node_id));
}

void SetShouldHaveShards(int node_id, bool value) {
  RunEverywhere(
      psprintf("UPDATE pg_catalog.pg_dist_node SET shouldhaveshards = %s WHERE nodeid = %d",
               value ? "true" : "false", node_id));
}

void SetAddress(int node_id, const char* host, int port) {
  RunEverywhere(AddressCommand(node_id, host, port));
}

void TakeNodeAddress(const catalog::Node& node, const char* host, int port) {
  const catalog::Node* holder = FindNodeByAddress(host, port);
  if (holder != nullptr && holder->id == node.id) return;
  const int standby = holder == nullptr ? 0 : holder->id;
  const char* old_host = pstrdup(node.host);
  const int old_port = node.port;
  // No two rows have one address at any moment.
  if (standby != 0) MoveRow(standby, psprintf("%s-demoted", host), port);
  MoveRow(node.id, host, port);
  if (standby == 0) return;
  if (core::IsNobody(old_host)) {
    pg::RunSql(psprintf("DELETE FROM pg_catalog.pg_dist_node WHERE nodeid = %d", standby));
  } else {
    MoveRow(standby, old_host, old_port);
  }
}

void DeleteNode(int node_id) {
  RunEverywhere(psprintf("DELETE FROM pg_catalog.pg_dist_node WHERE nodeid = %d", node_id));
}

void ChooseCoordinatorRole() {
  const char* chosen = pg::FetchText(
      psprintf("SELECT metadata ->> '%s' FROM pg_catalog.pg_dist_node_metadata", kRoleKey));
  if (chosen != nullptr) return;
  const catalog::Node* coordinator = nullptr;
  bool alone = true;
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->role != catalog::NodeRole::Primary) continue;
    if (node->group == catalog::kCoordinatorGroup) {
      coordinator = node;
    } else if (node->active) {
      alone = false;
    }
  }
  if (coordinator != nullptr && coordinator->should_have_shards != alone) {
    SetShouldHaveShards(coordinator->id, alone);
  }
}

void RememberCoordinatorRole() {
  pg::RunSql(psprintf(
      "UPDATE pg_catalog.pg_dist_node_metadata SET metadata = metadata || '{\"%s\": true}'",
      kRoleKey));
}

}  // namespace altius::cluster
