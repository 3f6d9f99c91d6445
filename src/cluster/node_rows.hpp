// SPDX-License-Identifier: PostgreSQL
// Rows of pg_dist_node, written on all active nodes in the current distributed transaction.
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::cluster {

struct NewNode {
  const char* host;
  int port;
  int group;         // -1: a new one
  const char* role;  // label of noderole
  const char* cluster;
  bool active;
  bool should_have_shards;
};

/// Checks what can be told from the row alone and from those that exist.
void CheckNewNode(const NewNode& node);

/// Returns the node's id; `*group` is the group it got.
int InsertNode(const NewNode& node, int* group);

void SetActive(int node_id, bool active);
void SetShouldHaveShards(int node_id, bool value);
void SetAddress(int node_id, const char* host, int port);
void DeleteNode(int node_id);

/// On this server alone: the node gets the address.  It keeps its id; a row of its group's that has the address already is a
/// standby's, most often the promoted one's: that gets the old address, or goes when the old one is not known.
void TakeNodeAddress(const catalog::Node& node, const char* host, int port);

/// Where new shards go as long as the user has not said it: on the workers, or on the coordinator
/// when it is alone.
void ChooseCoordinatorRole();

/// The user has said it; from now on it is his.
void RememberCoordinatorRole();

}  // namespace altius::cluster
