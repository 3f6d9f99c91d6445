// SPDX-License-Identifier: PostgreSQL
// Which shards move together, and every reason why they can't.
#include "move.hpp"

#include "altius/pg/compat.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::rebalance {

namespace {

/// How many partitioned tables are above it.
int DepthOf(Oid relid) {
  if (!get_rel_relispartition(relid)) return 0;
  return list_length(get_partition_ancestors(relid));
}

}  // namespace

const catalog::Node* RequireNode(int node_id) {
  const catalog::Node* node = catalog::FindNode(node_id);
  if (node == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node %d does not exist", node_id),
                    errhint("SELECT * FROM pg_dist_node shows the nodes.")));
  }
  return node;
}

void RequireUsable(const catalog::Node& node, const char* role) {
  if (node.role != catalog::NodeRole::Primary) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the %s node %s:%d is not a primary", role, node.host, node.port),
                    errhint("Shards are moved between primaries; their standbys follow.")));
  }
  if (!node.active) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the %s node %s:%d is not active", role, node.host, node.port),
                    errhint("Call citus_activate_node first.")));
  }
}

void AddMember(Move* move, const catalog::Table* table, int index) {
  const catalog::Shard& shard = table->shards[index];
  Member member{};
  member.table = table;
  member.index = index;
  member.shard_id = shard.id;
  member.name = catalog::QualifiedShardName(*table, shard);
  member.has_rows = get_rel_relkind(table->relid) != RELKIND_PARTITIONED_TABLE;
  move->members.push_back(member);
}

void OrderMembers(Move* move) {
  std::stable_sort(move->members.begin(), move->members.end(), [](const Member& a, const Member& b) {
    const int depth_a = DepthOf(a.table->relid);
    const int depth_b = DepthOf(b.table->relid);
    return depth_a != depth_b ? depth_a < depth_b : a.table->relid < b.table->relid;
  });
  StringInfoData list;
  initStringInfo(&list);
  for (int i = 0; i < move->members.size(); i++)
    appendStringInfo(&list, "%s" INT64_FORMAT, i == 0 ? "{" : ",", move->members[i].shard_id);
  appendStringInfoChar(&list, '}');
  move->shard_list = list.data;
}

void CollectMembers(Move* move, const catalog::Table& table, int index) {
  if (table.colocation == 0) {
    AddMember(move, &table, index);
  } else {
    for (const catalog::Table* other : catalog::TablesOfColocation(table.colocation)) AddMember(move, other, index);
  }
  OrderMembers(move);
}

namespace {

/// Whether an earlier try got that far and could not say so.
bool IsMoved(const Move& move) {
  for (const Member& member : move.members) {
    const catalog::Shard& shard = member.table->shards[member.index];
    if (!catalog::HasPlacement(shard, move.target) || catalog::HasPlacement(shard, move.source)) return false;
  }
  return true;
}

void CheckPlacements(const Move& move, const catalog::Node& source, const catalog::Node& target) {
  for (const Member& member : move.members) {
    const catalog::Shard& shard = member.table->shards[member.index];
    const auto id = static_cast<long long>(member.shard_id);
    if (catalog::HasPlacement(shard, move.target)) {
      ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
                      errmsg("shard %lld of \"%s\" lies on the target node %s:%d already", id, member.table->name,
                             target.host, target.port)));
    }
    if (!catalog::HasPlacement(shard, move.source)) {
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                      errmsg("shard %lld of \"%s\" does not lie on the source node %s:%d", id, member.table->name,
                             source.host, source.port),
                      errhint("SELECT * FROM citus_shards shows where shards lie.")));
    }
  }
}

}  // namespace

bool FillMove(Move* move, int64 shard_id) {
  const catalog::Node* source = RequireNode(move->source_node);
  const catalog::Node* target = RequireNode(move->target_node);
  RequireUsable(*source, "source");
  RequireUsable(*target, "target");
  move->source = source->group;
  move->target = target->group;
  if (move->source == move->target) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source and target are the same node")));
  }
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(shard_id, &index);
  if (table == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("shard %lld does not exist", static_cast<long long>(shard_id))));
  }
  if (table->kind == catalog::TableKind::Reference) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("shard %lld is the reference table \"%s\"", static_cast<long long>(shard_id), table->name),
                    errdetail("Every node has a copy of it."),
                    errhint("Call replicate_reference_tables to make missing copies.")));
  }
  if (table->kind == catalog::TableKind::Local) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is a local table of the coordinator", table->name)));
  }
  CollectMembers(move, *table, index);
  if (IsMoved(*move)) {
    ereport(WARNING, (errmsg("shard %lld of \"%s\" lies on the target node %s:%d already",
                             static_cast<long long>(shard_id), table->name, target->host, target->port),
                      errdetail("An earlier move may have ended this way.")));
    return false;
  }
  CheckPlacements(*move, *source, *target);
  return true;
}

void RequireOwnership(const Move& move) {
  if (superuser()) return;
  for (const Member& member : move.members) {
    if (!pg::OwnsRelation(member.table->relid, GetUserId()))
      aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, member.table->name);
  }
}

void SettleMode(Move* move) {
  if (move->mode == Mode::BlockWrites) return;
  for (const Member& member : move->members) {
    if (!member.has_rows || get_rel_persistence(member.table->relid) != RELPERSISTENCE_UNLOGGED) continue;
    if (move->mode == Mode::Logical) {
      ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                      errmsg("shards of the unlogged table \"%s\" can't be copied while they are written", member.table->name),
                      errhint("Let shard_transfer_mode be 'auto' or 'block_writes'.")));
    }
    ereport(NOTICE, (errmsg("writers wait while shards of the unlogged table \"%s\" are copied", member.table->name),
                     errdetail("Its changes are in no log.")));
    move->mode = Mode::BlockWrites;
    return;
  }
}

int NodeIdOf(const char* host, int port) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->port == port && strcmp(node->host, host) == 0) return node->id;
  }
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node at \"%s:%d\" does not exist", host, port),
                  errhint("SELECT * FROM pg_dist_node shows the nodes.")));
  pg_unreachable();
}

}  // namespace altius::rebalance
