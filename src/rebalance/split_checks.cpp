// SPDX-License-Identifier: PostgreSQL
// What is split into what, and every reason why it can't.
#include "altius/ddl/shard_numbers.hpp"
#include "altius/txn/coordinated.hpp"
#include "split.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace altius::rebalance {

namespace {

const catalog::Table* RequireHashShard(int64 shard_id, int* index) {
  const catalog::Table* table = catalog::FindTableOfShard(shard_id, index);
  const auto id = static_cast<long long>(shard_id);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard %lld does not exist", id)));
  if (table->kind != catalog::TableKind::Hash) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("shard %lld of \"%s\" cannot be split", id, table->name),
                    errdetail("Only tables that are distributed by a column have shards with ranges of hash values.")));
  }
  if (table->shards[*index].group_count != 1) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("shard %lld of \"%s\" cannot be split", id, table->name),
                    errdetail("It has %d placements.", table->shards[*index].group_count)));
  }
  return table;
}

void CheckPoints(const catalog::Shard& shard, const pg::Array<int32>& points) {
  for (int i = 0; i < points.size(); i++) {
    if (points[i] < shard.min || points[i] >= shard.max) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("split point %d lies outside of shard %lld", points[i], static_cast<long long>(shard.id)),
                      errdetail("The shard has the hash values %d to %d; a split point is the last one of a part, and the "
                                "last part ends with the shard.",
                                shard.min, shard.max)));
    }
    if (i > 0 && points[i] <= points[i - 1]) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("split points must ascend"),
                      errdetail("%d comes after %d.", points[i], points[i - 1])));
    }
  }
}

void FillParts(Split* split, const catalog::Shard& shard, const pg::Array<int32>& points, const pg::Array<int>& nodes) {
  if (points.empty())
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("at least one split point is needed")));
  if (nodes.size() != points.size() + 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("%d split points make %d shards, but %d nodes are given", points.size(), points.size() + 1,
                           nodes.size()),
                    errhint("Give one node id for each part, in the order of their ranges.")));
  }
  CheckPoints(shard, points);
  int32 min = shard.min;
  for (int i = 0; i < nodes.size(); i++) {
    const int32 max = i < points.size() ? points[i] : shard.max;
    split->ranges.push_back({min, max});
    const catalog::Node* node = RequireNode(nodes[i]);
    RequireUsable(*node, "target");
    split->nodes.push_back(node->id);
    split->groups.push_back(node->group);
    if (i < points.size()) min = points[i] + 1;
  }
}

void CheckMembers(const Split& split, const catalog::Shard& shard) {
  for (const Member& member : split.whole.members) {
    const catalog::Shard& own = member.table->shards[member.index];
    if (own.min == shard.min && own.max == shard.max && catalog::HasPlacement(own, split.whole.source)) continue;
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("the shards of \"%s\" don't match those of the tables it is colocated with",
                           member.table->name)));
  }
}

void AddParts(Split* split, Move* target, const Member& member) {
  for (int i = 0; i < split->ranges.size(); i++) {
    if (split->groups[i] != target->target) continue;
    for (const catalog::ShardPart& part : split->parts) {
      if (part.parent != member.shard_id || part.min != split->ranges[i].min) continue;
      catalog::Shard shard{};
      shard.id = part.id;
      Member made = member;
      made.shard_id = part.id;
      made.name = catalog::QualifiedShardName(*member.table, shard);
      target->members.push_back(made);
    }
  }
}

}  // namespace

void FillSplit(Split* split, int64 shard_id, const pg::Array<int32>& points, const pg::Array<int>& nodes) {
  int index = 0;
  const catalog::Table* table = RequireHashShard(shard_id, &index);
  const catalog::Shard& shard = table->shards[index];
  FillParts(split, shard, points, nodes);
  const catalog::Node* source = catalog::PrimaryOfGroup(shard.groups[0]);
  split->whole.source = source->group;
  split->whole.source_node = source->id;
  split->whole.target = split->whole.target_node = -1;
  CollectMembers(&split->whole, *table, index);
  CheckMembers(*split, shard);
  if (table->shard_count + points.size() > core::kMaxShardCount) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("\"%s\" would have more than %d shards", table->name, core::kMaxShardCount)));
  }
}

pg::Array<int32> PointsAround(const catalog::Shard& shard, int32 hash) {
  pg::Array<int32> points;
  if (hash > shard.min) points.push_back(hash - 1);
  if (hash < shard.max) points.push_back(hash);
  if (!points.empty()) return points;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("shard %lld has the tenant's hash value only", static_cast<long long>(shard.id)),
                  errdetail("The tenant has been isolated already.")));
}

void NameParts(Split* split) {
  StringInfoData columns[6];
  for (StringInfoData& column : columns) initStringInfo(&column);
  for (const Member& member : split->whole.members) {
    ddl::ShardNumbers numbers(member.table->relid, txn::OutsideTransaction);
    for (int i = 0; i < split->ranges.size(); i++) {
      const catalog::ShardPart part = {.parent = member.shard_id,
                                       .id = numbers.Next(),
                                       .min = split->ranges[i].min,
                                       .max = split->ranges[i].max,
                                       .group = split->groups[i],
                                       .placement = catalog::NextPlacementId()};
      split->parts.push_back(part);
      const int64 fields[] = {part.parent, part.id, part.min, part.max, part.group, part.placement};
      for (int field = 0; field < 6; field++)
        appendStringInfo(&columns[field], "%s" INT64_FORMAT, columns[field].len == 0 ? "" : ",", fields[field]);
    }
  }
  split->arguments = psprintf("'{%s}', '{%s}', '{%s}', '{%s}', '{%s}', '{%s}'", columns[0].data, columns[1].data,
                              columns[2].data, columns[3].data, columns[4].data, columns[5].data);
  for (int i = 0; i < split->groups.size(); i++) {
    const auto is_known = [&](const Move* target) { return target->target == split->groups[i]; };
    if (std::any_of(split->targets.begin(), split->targets.end(), is_known)) continue;
    auto* target = new (palloc0(sizeof(Move))) Move{};
    target->source = split->whole.source;
    target->source_node = split->whole.source_node;
    target->target = split->groups[i];
    target->target_node = split->nodes[i];
    target->mode = split->whole.mode;
    for (const Member& member : split->whole.members) AddParts(split, target, member);
    OrderMembers(target);
    split->targets.push_back(target);
  }
}

}  // namespace altius::rebalance
