// SPDX-License-Identifier: PostgreSQL
// What the nodes have prepared, as they tell: recovery's view of the cluster.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/core/txn/recovery.hpp"
#include "altius/pg/array.hpp"
#include "altius/remote/control.hpp"
#include "unlisted.hpp"

namespace altius::txn {

/// One that is asked, and what it lists.
struct ListedNode {
  int group;
  bool active;               // in pg_dist_node
  const Unlisted* unlisted;  // null: pg_dist_node has it
  remote::Connection* connection;  // null: not reached
  remote::Request* request;
  pg::Array<const char*>* gids;  // sorted
  bool answered;
  remote::Request* lasting_request;
  pg::Array<const char*>* lasting_rows;
  bool lasting;  // whoever leads its group next has prepared no more than that
};

struct PreparedLists {
  pg::Array<ListedNode> nodes;
  core::Standing standing;  // of this server, looked at with the lists
};

/// The nodes of pg_dist_node as it is now: what is cached may be older than records that have been seen.
pg::Array<const catalog::Node*> ReadListed();

/// Asks all of them at once.  In memory of the caller.
PreparedLists ListPrepared(const pg::Array<const catalog::Node*>& listed, const pg::Array<Unlisted>& unlisted);

/// Whether the address of this server's group leads to this server.
core::Standing LookAtStanding();

/// What a server is that may not act, for the log.
const char* Describe(core::Standing standing);

}  // namespace altius::txn
