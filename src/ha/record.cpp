// SPDX-License-Identifier: PostgreSQL
#include "record.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/spi.hpp"
#include "altius/remote/connection.hpp"
#include "settings.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
}

namespace altius::ha {
namespace {

const catalog::Node* PrimaryRowOf(int group) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->group == group && node->role == catalog::NodeRole::Primary) return node;
  }
  return nullptr;
}

const catalog::Node* RowAt(const char* host, int port) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->port == port && strcmp(node->host, host) == 0) return node;
  }
  return nullptr;
}

void TakeAddress(const catalog::Node& primary, const core::Whereabouts& at) {
  pg::RunSql(psprintf("SELECT altius_internal.set_node_address(%d, %s, %d)", primary.id,
                      quote_literal_cstr(at.host), at.port));
}

/// Whether what is stored is this, or newer by the same etcd.
bool IsStored(const GroupStatus& status, bool* newer) {
  const char* row = pg::FetchText(
      psprintf("SELECT format('%%s %%s %%s %%s', etcd, revision, timeline, system_id) "
               "FROM altius_internal.ha_group WHERE groupid = %d",
               status.group));
  *newer = false;
  if (row == nullptr) return false;
  const uint64 etcd = strtoull(row, nullptr, 10);
  const char* revision = strchr(row, ' ') + 1;
  *newer =
      etcd == status.at.epoch.cluster && strtoll(revision, nullptr, 10) > status.at.epoch.revision;
  const char* ours =
      psprintf(UINT64_FORMAT " " INT64_FORMAT " %d " UINT64_FORMAT, status.at.epoch.cluster,
               status.at.epoch.revision, status.at.timeline, status.at.system_id);
  return strcmp(row, ours) == 0;
}

void StoreEpoch(const GroupStatus& status) {
  const core::Whereabouts& at = status.at;
  pg::RunSql(psprintf(
      "INSERT INTO altius_internal.ha_group (groupid, etcd, revision, timeline, system_id, member) "
      "VALUES (%d, " UINT64_FORMAT ", " INT64_FORMAT ", %d, " UINT64_FORMAT
      ", %s) "
      "ON CONFLICT (groupid) DO UPDATE SET (etcd, revision, timeline, system_id, member, stored) = "
      "(excluded.etcd, excluded.revision, excluded.timeline, excluded.system_id, excluded.member, "
      "now())",
      status.group, at.epoch.cluster, at.epoch.revision, at.timeline, at.system_id,
      quote_literal_cstr(at.member)));
}

/// Servers made from one image have one system identifier; they did not start in the same
/// microsecond.
constexpr const char* kIdentity =
    "SELECT (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint::text"
    " || ' ' || (SELECT system_identifier FROM pg_catalog.pg_control_system())";

/// This server is the primary of group 0 as etcd knows it.  A server that has not joined yet also
/// believes to be the coordinator: what counts is who listens at that address.
bool IsCoordinatorsPrimary() {
  remote::GroupEntry entry;
  if (!catalog::IsCoordinator() || !remote::Lookup(catalog::kCoordinatorGroup, &entry))
    return false;
  if (entry.at.state != core::GroupState::Known || entry.at.system_id != GetSystemIdentifier())
    return false;
  remote::Connection* there = remote::ConnectionToAddress(entry.at.host, entry.at.port,
                                                          GetUserNameFromId(GetUserId(), false));
  const char* theirs = remote::FetchValue(there, kIdentity);
  return theirs != nullptr && strcmp(theirs, pg::FetchText(kIdentity)) == 0;
}

bool IsAmong(const GroupStatus& status, const catalog::Node& node) {
  for (int i = 0; i < status.secondary_count; i++) {
    const Secondary& secondary = status.secondaries[i];
    if (secondary.port == node.port && strcmp(secondary.host, node.host) == 0) return true;
  }
  return false;
}

}  // namespace

pg::Array<StoredGroup> ReadStored() {
  pg::Array<StoredGroup> groups;
  // No member's name has a line end (core/ha/view.cpp), and it comes last.
  const pg::Array<char*> rows = pg::FetchTexts(
      "SELECT format('%s %s %s %s %s %s', groupid, etcd, revision, timeline, system_id, member) "
      "FROM altius_internal.ha_group");
  for (const char* row : rows) {
    StoredGroup stored{};
    char* at = nullptr;
    stored.group = static_cast<int>(strtol(row, &at, 10));
    stored.at.epoch.cluster = strtoull(at, &at, 10);
    stored.at.epoch.revision = strtoll(at, &at, 10);
    stored.at.timeline = static_cast<int>(strtol(at, &at, 10));
    stored.at.system_id = strtoull(at, &at, 10);
    strlcpy(stored.at.member, *at == ' ' ? at + 1 : at, sizeof(stored.at.member));
    groups.push_back(stored);
  }
  return groups;
}

bool StoreAddress(const GroupStatus& status) {
  AcceptInvalidationMessages();
  const catalog::Node* primary = PrimaryRowOf(status.group);
  if (primary == nullptr) return true;
  bool newer = false;
  const bool stored = IsStored(status, &newer);
  if (newer) return true;
  const bool right = primary->port == status.at.port && strcmp(primary->host, status.at.host) == 0;
  if (right && stored) return true;
  if (!right) TakeAddress(*primary, status.at);
  if (!stored) StoreEpoch(status);
  return true;
}

bool AddMissingGroup(const GroupStatus& status) {
  if (!AddsNodes() || PrimaryRowOf(status.group) != nullptr || !IsCoordinatorsPrimary())
    return true;
  // The list of nodes is free now or it is not; what adding a node takes beyond that may last.
  catalog::LockNodes(ExclusiveLock);
  pg::RunSql("SET LOCAL lock_timeout = '5s'");
  AcceptInvalidationMessages();
  if (PrimaryRowOf(status.group) != nullptr) return true;
  const char* host = quote_literal_cstr(status.at.host);
  if (status.group == catalog::kCoordinatorGroup) {
    pg::RunSql(
        psprintf("SELECT pg_catalog.citus_set_coordinator_host(%s, %d)", host, status.at.port));
  } else if (PrimaryRowOf(catalog::kCoordinatorGroup) != nullptr) {
    pg::RunSql(psprintf("SELECT pg_catalog.citus_add_node(%s, %d, %d)", host, status.at.port,
                        status.group));
  } else {
    return false;  // first the coordinator
  }
  ereport(LOG, (errmsg("follower: group %d is part of the cluster, its primary is %s:%d",
                       status.group, status.at.host, status.at.port)));
  return true;
}

bool RegisterStandbys(const GroupStatus& status) {
  if (!RegistersSecondaries() || !status.settled || !catalog::IsCoordinator()) return true;
  const catalog::Node* primary = PrimaryRowOf(status.group);
  if (primary == nullptr || !primary->active) return true;
  pg::Array<const catalog::Node*> gone;
  for (const catalog::Node* node : catalog::AllNodes()) {
    const bool standby = node->group == status.group && node->role == catalog::NodeRole::Secondary;
    if (standby && !IsAmong(status, *node)) gone.push_back(node);
  }
  pg::Array<const Secondary*> missing;
  for (int i = 0; i < status.secondary_count; i++) {
    const Secondary* secondary = &status.secondaries[i];
    if (RowAt(secondary->host, secondary->port) == nullptr) missing.push_back(secondary);
  }
  if ((gone.empty() && missing.empty()) || !IsCoordinatorsPrimary()) return true;
  for (const catalog::Node* node : gone) {
    pg::RunSql(psprintf("SELECT pg_catalog.citus_remove_node(%s, %d)",
                        quote_literal_cstr(node->host), node->port));
  }
  for (const Secondary* secondary : missing) {
    pg::RunSql(psprintf("SELECT pg_catalog.citus_add_node(%s, %d, %d, 'secondary')",
                        quote_literal_cstr(secondary->host), secondary->port, status.group));
  }
  return true;
}

}  // namespace altius::ha
