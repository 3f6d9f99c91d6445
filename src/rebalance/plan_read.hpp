// SPDX-License-Identifier: PostgreSQL
// What a plan is made from, read from the catalog and asked from nodes and from the strategy's
// functions.  Arena style: these may ereport and return palloc'd memory; plan.cpp calls them
// through pg::Call.
#pragma once

#include "altius/catalog/metadata.hpp"

namespace altius::rebalance {

/// A row of pg_dist_rebalance_strategy.
struct Strategy {
  Oid cost;
  Oid capacity;
  Oid allowed;
  float threshold;
  float minimum_threshold;
  float improvement_threshold;
};

/// The strategy of that name; the default one for an empty name.
Strategy ReadStrategy(const char* name);

/// The threshold to plan with: what was asked for, but not less than the strategy's minimum.
float ChooseThreshold(const Strategy& strategy, bool asked, float wanted);

struct ShardValue {
  int64 shard;
  double value;
};

/// By shard id.
using ShardValues = pg::Array<ShardValue>;

/// Bytes of all shards, from one question to each node.  Unless `strict`, a node that gives no
/// answer is a warning.
ShardValues ReadSizes(bool strict);

/// Measured load of all shards, for strategy by_load.
ShardValues ReadLoads();

/// The value of the shard, 0 if there is none.
double ValueOf(const ShardValues& values, int64 shard);

enum class CostKind : uint8_t { One, DiskSize, Load, Function };

/// Costs that need no call of the function for each shard group are known by the function.
CostKind KindOfCost(Oid function);

double BaseCostOfDiskSize();

/// The strategy's functions; results that are null, and numbers below 0, are errors.
FmgrInfo* PrepareCall(Oid function);
double CallCost(FmgrInfo* function, int64 shard);
double CallCapacity(FmgrInfo* function, int node_id);
bool CallAllowed(FmgrInfo* function, int64 shard, int node_id);

/// The functions that say the same of every node and shard: nothing needs to be asked.
bool IsSameCapacity(Oid function);
bool IsAlwaysAllowed(Oid function);

/// --- plan_load.cpp: the setting and the chore ---
void InitLoad();

}  // namespace altius::rebalance
