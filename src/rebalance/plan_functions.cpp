// SPDX-License-Identifier: PostgreSQL
// get_rebalance_table_shards_plan: the moves of a plan, one row for each shard.
#include "altius/pg/bridge.hpp"
#include "plan_world.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace altius::rebalance {
namespace {

enum Argument { kRelation, kThreshold, kMaxMoves, kExcluded, kDrainOnly, kStrategy, kImprovement };

Datum Value(FunctionCallInfo fcinfo, Argument which) { return fcinfo->args[which].value; }
bool IsNull(FunctionCallInfo fcinfo, Argument which) { return fcinfo->args[which].isnull; }

struct Ids {
  Datum* values;
  int count;
};

Ids ElementsOf(Datum array) {
  Ids ids{};
  deconstruct_array(DatumGetArrayTypeP(array), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
                    TYPALIGN_DOUBLE, &ids.values, nullptr, &ids.count);
  return ids;
}

PlanOptions OptionsOf(FunctionCallInfo fcinfo) {
  PlanOptions options;
  if (!IsNull(fcinfo, kRelation)) options.relation = DatumGetObjectId(Value(fcinfo, kRelation));
  if (!IsNull(fcinfo, kThreshold)) options.threshold = DatumGetFloat4(Value(fcinfo, kThreshold));
  if (!IsNull(fcinfo, kMaxMoves)) options.max_moves = DatumGetInt32(Value(fcinfo, kMaxMoves));
  if (!IsNull(fcinfo, kExcluded)) {
    const Ids ids = pg::Call([&] { return ElementsOf(Value(fcinfo, kExcluded)); });
    for (int i = 0; i < ids.count; i++) options.excluded.push_back(DatumGetInt64(ids.values[i]));
  }
  options.drain_only = !IsNull(fcinfo, kDrainOnly) && DatumGetBool(Value(fcinfo, kDrainOnly));
  if (!IsNull(fcinfo, kStrategy))
    options.strategy = NameStr(*DatumGetName(Value(fcinfo, kStrategy)));
  if (!IsNull(fcinfo, kImprovement)) {
    options.improvement_threshold = DatumGetFloat4(Value(fcinfo, kImprovement));
  }
  return options;
}

/// Arena style.  All tables of the colocation group, by oid.
void PutMove(ReturnSetInfo* result, const PlannedMove& move, const ShardValues& sizes) {
  const catalog::Node* source = catalog::FindNode(move.source_node);
  const catalog::Node* target = catalog::FindNode(move.target_node);
  int index = 0;
  catalog::FindTableOfShard(move.shard, &index);
  auto tables = catalog::TablesOfColocation(move.colocation);
  std::sort(tables.begin(), tables.end(),
            [](const catalog::Table* a, const catalog::Table* b) { return a->relid < b->relid; });
  for (const catalog::Table* table : tables) {
    const int64 shard = table->shards[index].id;
    Datum values[] = {ObjectIdGetDatum(table->relid),
                      Int64GetDatum(shard),
                      Int64GetDatum(static_cast<int64>(ValueOf(sizes, shard))),
                      CStringGetTextDatum(source->host),
                      Int32GetDatum(source->port),
                      CStringGetTextDatum(target->host),
                      Int32GetDatum(target->port)};
    bool nulls[std::size(values)] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
}

}  // namespace
}  // namespace altius::rebalance

using namespace altius;             // NOLINT: the functions below are outside of any namespace
using namespace altius::rebalance;  // NOLINT

ALTIUS_FUNCTION(get_rebalance_table_shards_plan) {
  pg::Call([&] { InitMaterializedSRF(fcinfo, 0); });
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  ShardValues sizes;
  for (const PlannedMove& move : PlanMoves(OptionsOf(fcinfo), &sizes)) {
    pg::Call([&] { PutMove(result, move, sizes); });
  }
  return Datum{0};
}
