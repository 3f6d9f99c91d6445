// SPDX-License-Identifier: PostgreSQL
#include "plan_read.hpp"

#include <cfloat>
#include <climits>

#include "altius/pg/settings.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/rebalance/plan.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::rebalance {
namespace {

int base_cost = 104857600;

constexpr pg::IntSetting kSettings[] = {
    {"citus.rebalancer_by_disk_size_base_cost",
     "What a shard group costs in strategy by_disk_size besides its bytes.", &base_cost, 104857600,
     0, INT_MAX, PGC_USERSET, GUC_NO_SHOW_ALL | GUC_UNIT_BYTE},
};

/// A function of our own in pg_catalog.
Oid OwnFunction(const char* name, std::initializer_list<Oid> arguments) {
  Oid types[2] = {};
  std::copy(arguments.begin(), arguments.end(), types);
  List* qualified = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name)));
  return LookupFuncName(qualified, static_cast<int>(arguments.size()), types, true);
}

/// Rows (shardid, value) of a query.
ShardValues ReadValues(const char* sql) {
  ShardValues values;
  MemoryContext home = CurrentMemoryContext;
  SPI_connect();
  const int level = pg::BeginOwnSql();
  if (SPI_execute(sql, false, 0) != SPI_OK_SELECT) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("shards could not be measured")));
  }
  pg::EndPortableText(level);
  MemoryContext spi = MemoryContextSwitchTo(home);
  values.reserve(static_cast<int>(SPI_processed) + 1);
  for (uint64 row = 0; row < SPI_processed; row++) {
    bool null = false;
    HeapTuple tuple = SPI_tuptable->vals[row];
    const int64 shard = DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &null));
    const double value = DatumGetFloat8(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &null));
    values.push_back({shard, null ? 0 : value});
  }
  MemoryContextSwitchTo(spi);
  SPI_finish();
  return values;
}

[[noreturn]] void RaiseNull(Oid function) {
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                  errmsg("function %s of the rebalance strategy returned null",
                         quote_identifier(get_func_name(function)))));
}

/// What the function allocates goes away with the call.
Datum CallOf(FmgrInfo* function, const Datum* arguments, int count) {
  MemoryContext scratch =
      AllocSetContextCreate(CurrentMemoryContext, "rebalance strategy", ALLOCSET_SMALL_SIZES);
  MemoryContext home = MemoryContextSwitchTo(scratch);
  LOCAL_FCINFO(call, 2);
  InitFunctionCallInfoData(*call, function, static_cast<int16>(count), InvalidOid, nullptr,
                           nullptr);
  for (int i = 0; i < count; i++) call->args[i] = {arguments[i], false};
  const Datum result = FunctionCallInvoke(call);
  if (call->isnull) RaiseNull(function->fn_oid);
  MemoryContextSwitchTo(home);
  MemoryContextDelete(scratch);
  return result;
}

void RequireNotNegative(double value, Oid function, const char* what) {
  if (value >= 0 && value <= FLT_MAX) return;
  ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                  errmsg("function %s of the rebalance strategy returned %s %g",
                         quote_identifier(get_func_name(function)), what, value),
                  errhint("It must be 0 or more.")));
}

}  // namespace

void InitPlanning() {
  pg::Define(kSettings);
  InitLoad();
}

Strategy ReadStrategy(const char* name) {
  Strategy strategy{};
  const char* which = *name == '\0'
                          ? "default_strategy"
                          : psprintf("name OPERATOR(pg_catalog.=) %s", quote_literal_cstr(name));
  SPI_connect();
  const int level = pg::BeginOwnSql();
  SPI_execute(
      psprintf(
          "SELECT shard_cost_function::pg_catalog.oid, node_capacity_function::pg_catalog.oid, "
          "shard_allowed_on_node_function::pg_catalog.oid, default_threshold, minimum_threshold, "
          "improvement_threshold FROM pg_catalog.pg_dist_rebalance_strategy WHERE %s",
          which),
      true, 1);
  pg::EndPortableText(level);
  const bool found = SPI_processed == 1;
  if (found) {
    Datum values[6];
    bool nulls[6];
    heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
    strategy = {DatumGetObjectId(values[0]), DatumGetObjectId(values[1]),
                DatumGetObjectId(values[2]), DatumGetFloat4(values[3]),
                DatumGetFloat4(values[4]),   DatumGetFloat4(values[5])};
  }
  SPI_finish();
  if (found) return strategy;
  if (*name == '\0') {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no default rebalance strategy"),
             errhint("Name one, or call citus_set_default_rebalance_strategy.")));
  }
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                  errmsg("rebalance strategy \"%s\" does not exist", name),
                  errhint("SELECT name FROM pg_dist_rebalance_strategy shows them.")));
}

float ChooseThreshold(const Strategy& strategy, bool asked, float wanted) {
  if (!asked) return strategy.threshold;
  if (!(wanted >= 0)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("threshold must not be below 0, but is %g", wanted)));
  }
  if (wanted >= strategy.minimum_threshold) return wanted;
  ereport(NOTICE, (errmsg("threshold %g is below the strategy's minimum and raised to %g", wanted,
                          strategy.minimum_threshold)));
  return strategy.minimum_threshold;
}

ShardValues ReadSizes(bool strict) {
  return ReadValues(
      psprintf("SELECT shardid, pg_catalog.max(total)::pg_catalog.float8 "
               "FROM altius_internal.shard_sizes(NULL, %s) GROUP BY shardid ORDER BY shardid",
               strict ? "true" : "false"));
}

ShardValues ReadLoads() {
  return ReadValues(
      "SELECT shardid, load FROM altius_internal.fresh_shard_loads() ORDER BY shardid");
}

double ValueOf(const ShardValues& values, int64 shard) {
  const ShardValue* found =
      std::lower_bound(values.begin(), values.end(), shard,
                       [](const ShardValue& value, int64 wanted) { return value.shard < wanted; });
  return found != values.end() && found->shard == shard ? found->value : 0;
}

CostKind KindOfCost(Oid function) {
  if (function == OwnFunction("citus_shard_cost_1", {INT8OID})) return CostKind::One;
  if (function == OwnFunction("citus_shard_cost_by_disk_size", {INT8OID}))
    return CostKind::DiskSize;
  if (function == OwnFunction("altius_shard_cost_by_load", {INT8OID})) return CostKind::Load;
  return CostKind::Function;
}

FmgrInfo* PrepareCall(Oid function) {
  auto* info = static_cast<FmgrInfo*>(palloc(sizeof(FmgrInfo)));
  fmgr_info(function, info);
  return info;
}

double BaseCostOfDiskSize() { return base_cost; }

double CallCost(FmgrInfo* function, int64 shard) {
  const Datum arguments[] = {Int64GetDatum(shard)};
  const double cost = DatumGetFloat4(CallOf(function, arguments, 1));
  RequireNotNegative(cost, function->fn_oid, "cost");
  return cost;
}

double CallCapacity(FmgrInfo* function, int node_id) {
  const Datum arguments[] = {Int32GetDatum(node_id)};
  const double capacity = DatumGetFloat4(CallOf(function, arguments, 1));
  RequireNotNegative(capacity, function->fn_oid, "capacity");
  return capacity;
}

bool CallAllowed(FmgrInfo* function, int64 shard, int node_id) {
  const Datum arguments[] = {Int64GetDatum(shard), Int32GetDatum(node_id)};
  return DatumGetBool(CallOf(function, arguments, 2));
}

bool IsSameCapacity(Oid function) {
  return function == OwnFunction("citus_node_capacity_1", {INT4OID});
}

bool IsAlwaysAllowed(Oid function) {
  return function == OwnFunction("citus_shard_allowed_on_node_true", {INT8OID, INT4OID});
}

}  // namespace altius::rebalance
