// SPDX-License-Identifier: PostgreSQL
// Which server a connection goes to: the address book's answer where it has one, else
// pg_dist_node's.
#include "session.hpp"

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace altius::remote {

namespace {

struct Route {
  Address address;
  uint64 generation;     // 0: the book has no entry
  const char* unusable;  // why nothing may be sent there; null: it may
  bool ahead;            // a connection may be opened all the same: it will be wanted soon
};

/// The book speaks for the group: a follower found the leader, and pg_dist_node was not changed by
/// hand since it lost its etcd.
bool BookDecides(const GroupEntry& entry, const catalog::Node& node) {
  if (entry.at.state == core::GroupState::Unknown) return false;
  return IsFollowing() || (node.port == entry.at.port && strcmp(node.host, entry.at.host) == 0);
}

Route RouteTo(int group) {
  const catalog::Node* node = catalog::PrimaryOfGroup(group);
  Route route{{node->host, node->port, node->id}, 0, nullptr, false};
  if (core::IsNobody(node->host)) route.unusable = kDemoted;
  GroupEntry entry;
  if (!Lookup(group, &entry)) return route;
  route.generation = entry.generation;
  if (!BookDecides(entry, *node)) return route;
  route.unusable = nullptr;
  route.address.host = pstrdup(entry.at.host);
  route.address.port = entry.at.port;
  if (entry.at.state == core::GroupState::Mismatch && !entry.verified) {
    route.unusable =
        "The leader that etcd names is not the server it should be: its system identifier is "
        "another.";
  } else if (!entry.verified) {
    route.unusable = "The leader that etcd names does not accept writes yet.";
    route.ahead = entry.at.state == core::GroupState::Probing && entry.at.port != 0;
  }
  return route;
}

bool SameAddress(const Connection* connection, const Address& address) {
  return address.port == connection->port && strcmp(address.host, connection->host) == 0;
}

/// The server is the same, but perhaps not in the same life: what stands from before may be used
/// only if the entry says that nothing was cut since, or if there was none.
bool MayKeep(const Connection* connection, const Route& route) {
  if (route.unusable != nullptr && !route.ahead) return false;
  if (!SameAddress(connection, route.address)) return false;
  return connection->generation == route.generation || connection->generation == 0;
}

}  // namespace

void TakeAddress(Connection* connection, const Address& address) {
  if (SameAddress(connection, address)) return;
  char* host = MemoryContextStrdup(TopMemoryContext, address.host);
  pfree(connection->host);
  connection->host = host;
  connection->port = address.port;
  snprintf(connection->name, sizeof(connection->name), "%s:%d", address.host, address.port);
}

Address AddressOfGroup(int group) { return RouteTo(group).address; }

void FollowAddress(Connection* connection) {
  const uint64 version = BookVersion();
  if (version == connection->version_seen && connection->unusable == nullptr &&
      connection->catalog_seen == catalog::NodesVersion()) {
    return;
  }
  const Route route = RouteTo(connection->group);
  if (!MayKeep(connection, route) && connection->state != State::Closed) {
    Close(connection, "the group has another primary");
    connection->state = State::Closed;
  }
  // This node was removed and added again: the other one would take it for the one that was removed.
  if (connection->state == State::Ready && connection->greeted_as != OwnGlobalPid()) {
    Close(connection, "this node has another number");
    connection->state = State::Closed;
  }
  TakeAddress(connection, route.address);
  connection->node_id = route.address.node_id;
  connection->generation = route.generation;
  connection->unusable = route.unusable;
  connection->ahead = route.ahead;
  connection->version_seen = version;
  connection->catalog_seen = catalog::NodesVersion();
}

bool IsDeposed(Connection* connection) {
  const uint64 version = BookVersion();
  if (connection->group < 0 || connection->standby || version == connection->version_seen)
    return false;
  GroupEntry entry;
  const bool found = Lookup(connection->group, &entry);
  if (found && entry.generation != connection->generation) {
    const bool same = entry.verified && entry.at.port == connection->port &&
                      strcmp(entry.at.host, connection->host) == 0;
    if (!same || connection->generation != 0) return true;
    connection->generation = entry.generation;
  }
  connection->version_seen = version;
  return false;
}

void CutIfDeposed(Connection* connection) {
  if (connection->state == State::Ready && IsDeposed(connection))
    MarkBroken(connection, "The server is not the primary of its group any more.");
}

}  // namespace altius::remote
