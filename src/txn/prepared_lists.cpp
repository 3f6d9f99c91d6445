// SPDX-License-Identifier: PostgreSQL
#include "prepared_lists.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/remote/lead.hpp"
#include "shared_state.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

namespace {

constexpr int kNodeTimeoutMs = 10000;
constexpr const char* kPrepared =
    "SELECT gid FROM pg_catalog.pg_prepared_xacts"
    " WHERE database = pg_catalog.current_database() AND pg_catalog.starts_with(gid, 'altius_')";
constexpr const char* kLasting = "SELECT altius_internal.is_lasting()";
constexpr const char* kNonce = "SELECT altius_internal.start_nonce()";

class Texts final : public remote::RowSink {
 public:
  explicit Texts(pg::Array<const char*>* the_list) : list(the_list) {}
  void Row(const PGresult* result, int row) override { list->push_back(pstrdup(PQgetvalue(result, row, 0))); }
  pg::Array<const char*>* list;
};

pg::Array<const char*>* NewList() { return new (palloc0(sizeof(pg::Array<const char*>))) pg::Array<const char*>; }

TimestampTz Deadline() { return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kNodeTimeoutMs); }

remote::Request* Send(remote::Connection* connection, const char* sql, pg::Array<const char*>* rows) {
  remote::StatementText statement;
  statement.sql = sql;
  return remote::Send(connection, statement, new (palloc(sizeof(Texts))) Texts(rows));
}

bool Answered(remote::Connection* connection, remote::Request* request, TimestampTz deadline) {
  const bool answered = remote::WaitBounded(request, deadline) && !request->failed;
  if (!answered) remote::Close(connection, "the node did not answer in time");
  return answered;
}

bool IsTrue(const pg::Array<const char*>& rows) { return rows.size() == 1 && strcmp(rows[0], "t") == 0; }

/// To a node that is no active one there is no other way than its address.
remote::Connection* Reach(const ListedNode& node, const char* host, int port) {
  if (node.active) return remote::TrySeparateConnectionTo(node.group);
  return remote::TryConnectionToAddress(host, port, GetUserNameFromId(GetUserId(), false));
}

void Ask(ListedNode* node, const char* host, int port) {
  node->connection = Reach(*node, host, port);
  if (node->connection == nullptr) return;
  node->request = Send(node->connection, kPrepared, node->gids);
  node->lasting_request = Send(node->connection, kLasting, node->lasting_rows);
}

void OpenAhead(const pg::Array<const catalog::Node*>& nodes) {
  for (const catalog::Node* node : nodes) {
    if (node->active && node->role == catalog::NodeRole::Primary) remote::OpenSeparateAhead(&node->group, 1);
  }
}

pg::Array<ListedNode> AskAll(const pg::Array<const catalog::Node*>& listed, const pg::Array<Unlisted>& unlisted) {
  pg::Array<ListedNode> asked;
  OpenAhead(listed);
  for (const catalog::Node* node : listed) {
    if (node->role != catalog::NodeRole::Primary || !core::IsAsked(true, node->active, false)) continue;
    asked.push_back(ListedNode{node->group, node->active, nullptr, nullptr, nullptr, NewList(), false, nullptr, NewList(), false});
    Ask(&asked.back(), node->host, node->port);
  }
  for (const Unlisted& node : unlisted) {
    if (!core::IsAsked(false, false, true)) continue;
    asked.push_back(ListedNode{node.group, false, &node, nullptr, nullptr, NewList(), false, nullptr, NewList(), false});
    Ask(&asked.back(), node.host, node.port);
  }
  return asked;
}

bool IsListed(int group) {
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group == group) return true;
  }
  return false;
}

}  // namespace

core::Standing LookAtStanding() {
  if (remote::OwnLead() == core::Lead::Lost) return core::Standing::Elsewhere;
  const int group = catalog::LocalGroup();
  if (!IsListed(group)) return core::Standing::Unregistered;
  remote::Connection* connection = remote::TrySeparateConnectionTo(group);
  if (connection == nullptr) return core::Standing::Unknown;
  pg::Array<const char*>* nonce = NewList();
  if (!Answered(connection, Send(connection, kNonce, nonce), Deadline()) || nonce->size() != 1) return core::Standing::Unknown;
  return strcmp((*nonce)[0], StartNonce()) == 0 ? core::Standing::Here : core::Standing::Elsewhere;
}

pg::Array<const catalog::Node*> ReadListed() {
  catalog::Refresh();
  return catalog::AllNodes();
}

PreparedLists ListPrepared(const pg::Array<const catalog::Node*>& listed, const pg::Array<Unlisted>& unlisted) {
  PreparedLists lists{AskAll(listed, unlisted), core::Standing::Unknown};
  const TimestampTz deadline = Deadline();
  for (ListedNode& node : lists.nodes) {
    if (node.connection == nullptr) continue;
    node.answered = Answered(node.connection, node.request, deadline);
    node.lasting = node.answered && Answered(node.connection, node.lasting_request, deadline) && IsTrue(*node.lasting_rows);
    std::sort(node.gids->begin(), node.gids->end(), [](const char* a, const char* b) { return strcmp(a, b) < 0; });
  }
  lists.standing = LookAtStanding();
  return lists;
}

const char* Describe(core::Standing standing) {
  return standing == core::Standing::Elsewhere ? "The address of its group in pg_dist_node leads to another server."
                                               : "Nobody answers at the address of its group in pg_dist_node.";
}

}  // namespace altius::txn
