// SPDX-License-Identifier: PostgreSQL
// Reads the world of a plan.  Shard groups with several placements count where they lie but stay: a
// move has one source.
#include "plan_world.hpp"

#include <map>
#include <unordered_set>

#include "altius/base/error.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/lsyscache.h"
}

namespace altius::rebalance {
namespace {

using catalog::Table;
using catalog::TableKind;
using Tables = std::vector<const Table*>;  // of one colocation group, by oid

bool Moves(const Table* table) {
  return table->kind == TableKind::Hash || table->kind == TableKind::SingleShard;
}

int ColocationOf(Oid relation) {
  const Table* table = pg::Call([&] { return catalog::FindTable(relation); });
  if (table != nullptr && Moves(table)) return table->colocation;
  pg::Call([&] {
    pg::RequireRelation(relation);
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("relation \"%s\" is not distributed over shards that move",
                           get_rel_name(relation))));
  });
  return 0;
}

std::map<int, Tables> ReadTables(Oid relation) {
  const int only = relation == InvalidOid ? 0 : ColocationOf(relation);
  const auto tables = pg::Call([] { return catalog::AllTables(); });
  std::map<int, Tables> colocations;
  for (const Table* table : tables) {
    if (!Moves(table) || (relation != InvalidOid && table->colocation != only)) continue;
    colocations[table->colocation].push_back(table);
  }
  for (auto& [colocation, members] : colocations) {
    std::sort(members.begin(), members.end(),
              [](const Table* a, const Table* b) { return a->relid < b->relid; });
  }
  return colocations;
}

/// As citus_move_shard_placement asks it.
bool MayMove(const Tables& tables) {
  return pg::Call([&] {
    if (superuser()) return true;
    for (const Table* table : tables) {
      if (!pg::OwnsRelation(table->relid, GetUserId())) return false;
    }
    return true;
  });
}

std::map<int, int> ReadNodes(World& world) {
  std::map<int, int> node_of_group;
  const bool same = pg::Call([&] { return IsSameCapacity(world.strategy.capacity); });
  FmgrInfo* function = pg::Call([&] { return PrepareCall(world.strategy.capacity); });
  const auto nodes = pg::Call([] { return catalog::ActivePrimaries(); });
  for (const catalog::Node* node : nodes) {
    node_of_group[node->group] = static_cast<int>(world.nodes.size());
    double capacity = 1;
    if (!same && node->should_have_shards) {
      capacity = pg::Call([&] { return CallCapacity(function, node->id); });
    }
    world.nodes.push_back({capacity, node->should_have_shards});
    world.node_rows.push_back(node);
  }
  return node_of_group;
}

/// What shard groups cost, by the strategy.
class Costs {
 public:
  Costs(const Strategy& strategy, const World& world)
      : function_(pg::Call([&] { return PrepareCall(strategy.cost); })),
        kind_(pg::Call([&] { return KindOfCost(strategy.cost); })),
        sizes_(world.sizes) {
    if (kind_ == CostKind::Load) loads_ = pg::Call([] { return ReadLoads(); });
    if (kind_ == CostKind::DiskSize) base_ = BaseCostOfDiskSize();
  }

  double Of(const Tables& tables, int index, double bytes) const {
    switch (kind_) {
      case CostKind::One:
        return 1;
      case CostKind::DiskSize:
        return base_ + bytes;
      case CostKind::Load: {
        double load = 1;  // idle shards are spread, too
        for (const Table* table : tables) load += ValueOf(loads_, table->shards[index].id);
        return load;
      }
      case CostKind::Function:
        break;
    }
    return pg::Call([&] { return CallCost(function_, tables.front()->shards[index].id); });
  }

 private:
  FmgrInfo* function_;
  CostKind kind_;
  const ShardValues& sizes_;
  ShardValues loads_;
  double base_ = 0;
};

class Reader {
 public:
  Reader(World& world, const PlanOptions& options)
      : world_(world),
        node_of_group_(ReadNodes(world)),
        costs_(world.strategy, world),
        excluded_(options.excluded.begin(), options.excluded.end()) {}

  void Add(int set, int colocation, const Tables& tables) {
    const bool may_move = MayMove(tables);
    for (int index = 0; index < tables.front()->shard_count; index++) {
      const catalog::Shard& shard = tables.front()->shards[index];
      double bytes = 0;
      bool movable = may_move && shard.group_count == 1;
      for (const Table* table : tables) {
        if (index >= table->shard_count)
          throw Error(sqlstate::kInternalError, Mismatch(colocation));
        bytes += ValueOf(world_.sizes, table->shards[index].id);
        movable = movable && excluded_.count(table->shards[index].id) == 0;
      }
      const double cost = costs_.Of(tables, index, bytes);
      for (int i = 0; i < shard.group_count; i++) {
        const auto node = node_of_group_.find(shard.groups[i]);
        if (node == node_of_group_.end()) continue;  // its node is not active
        world_.items.push_back({set, cost, static_cast<int64>(bytes), node->second, movable});
        world_.groups.push_back({shard.id, colocation});
      }
    }
  }

 private:
  static std::string Mismatch(int colocation) {
    return "tables of colocation group " + std::to_string(colocation) + " have different shards";
  }

  World& world_;
  std::map<int, int> node_of_group_;
  Costs costs_;
  std::unordered_set<int64> excluded_;
};

}  // namespace

bool MayMoveAny(Oid relation) {
  const std::map<int, Tables> colocations = ReadTables(relation);
  return std::any_of(colocations.begin(), colocations.end(), [](const auto& it) { return MayMove(it.second); });
}

World ReadWorld(const PlanOptions& options) {
  World world;
  world.strategy = pg::Call([&] { return ReadStrategy(options.strategy.c_str()); });
  const std::map<int, Tables> colocations = ReadTables(options.relation);
  const bool by_size =
      pg::Call([&] { return KindOfCost(world.strategy.cost) == CostKind::DiskSize; });
  world.sizes = pg::Call([&] { return ReadSizes(by_size); });
  Reader reader(world, options);
  int set = 0;
  for (const auto& [colocation, tables] : colocations) reader.Add(set++, colocation, tables);
  return world;
}

}  // namespace altius::rebalance
