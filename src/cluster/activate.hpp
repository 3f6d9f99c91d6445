// SPDX-License-Identifier: PostgreSQL
// Brings a node to the full state: objects, metadata, copies of the reference tables.
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::cluster {

/// Everything in the current distributed transaction.  The node's row says already that it is
/// active.
void BringToFullState(int group);

/// Makes the node forget the cluster: shell tables, shards, metadata.  It takes part in the current
/// transaction.
void ResetNode(int group);

/// Copies to the group the reference tables that it lacks; placements are recorded on all nodes.
void CopyReferenceTables(int group);

/// Gives the group's new copy the values of generated columns that the source has, where it has computed others itself.
void MakeCopyAlike(Oid relid, int64 shard, int source, int group);

/// Writers of reference tables wait until the end of the transaction and then look anew where the
/// copies are.
void BlockReferenceWrites(int leaving_group);

/// Deletes on all active nodes the placements of the group whose shards have another placement.
void DropSparePlacements(int group);

/// How many shards would be lost with the group.
int64 SoleShardsOf(int group);

/// Makes the group's list of nodes, and of how to log in to them, equal to this one's.
void CopyNodes(int group);

/// Runs the statements on the group one after another, without waiting for each answer.
void RunOnGroup(int group, List* commands);

}  // namespace altius::cluster
