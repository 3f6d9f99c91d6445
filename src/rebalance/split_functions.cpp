// SPDX-License-Identifier: PostgreSQL
// citus_split_shard_by_split_points and isolate_tenant_to_new_shard: the order of the steps.
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/transaction_block.hpp"
#include "altius/txn/shared.hpp"
#include "progress.hpp"
#include "pause.hpp"
#include "space.hpp"
#include "split.hpp"
#include "watch.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

namespace {

constexpr int kPatienceMs = 100;  // for the locks that foreign keys need
constexpr int kPauseMs = 150;
constexpr int kMostAttempts = 240;

void MakePartForeignKeys(Split* split) {
  for (int attempt = 0; !TryMakePartForeignKeys(split, kPatienceMs, 0); attempt++) {
    if (attempt >= kMostAttempts) {
      ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                      errmsg("could not lock a table that the new shards refer to"),
                      errhint("Somebody has written to it and not committed yet. Try again.")));
    }
    Pause(kPauseMs);
  }
}

void SplitWithWritesBlocked(Split* split) {
  MakePartTables(split);
  (void)BlockWrites(&split->whole);
  for (Move* target : split->targets) CopyPart(target, nullptr);
  for (Move* target : split->targets) FinishTables(target);
  SetPhase(Phase::CreatingForeignKeys);
  MakePartForeignKeys(split);
}

double WidthOf(const core::HashRange& range) { return static_cast<double>(range.max) - range.min + 1; }

/// Rows are taken to be spread evenly.
void CheckTargets(Split* split) {
  for (const Move* target : split->targets) {
    double whole = 0;
    double there = 0;
    for (int i = 0; i < split->ranges.size(); i++) {
      whole += WidthOf(split->ranges[i]);
      if (split->groups[i] == target->target) there += WidthOf(split->ranges[i]);
    }
    CheckSpace(&split->whole, *target, there / whole);
  }
}

void RunSplit(Split* split) {
  Move* whole = &split->whole;
  whole->definition = DefinitionOf(*whole);
  whole->registry = remote::OwnConnectionTo(catalog::LocalGroup());
  whole->operation = NextOperation(whole->registry);
  LockOperation(whole->operation);
  SetPhase(Phase::SettingUp);
  RegisterParts(split);
  BeginWatch(whole);
  OpenTargets(split);
  CheckTargets(split);
  if (whole->mode == Mode::BlockWrites) {
    SplitWithWritesBlocked(split);
    SetPhase(Phase::Completing);
    if (!TryFinishSplit(split, 0)) RaiseLostFlip();
  } else {
    SplitOnline(split);
  }
  CommitSplit(split);
  if (whole->mode != Mode::BlockWrites) TidyUp([&] { EndSplitOnline(split); });
}

/// Returns the split that has been made.
Split* SplitShardGroup(int64 shard_id, const pg::Array<int32>& points, const pg::Array<int>& nodes, Mode mode) {
  auto* split = new (palloc0(sizeof(Split))) Split{};
  split->whole.mode = mode;
  FillSplit(split, shard_id, points, nodes);
  SettleMode(&split->whole);
  RequireOwnership(split->whole);
  pg::RequireNoBlock("shards cannot be split");
  LockShardGroup(split->whole);
  LockSplitOf(split->whole.members[0].table->colocation);
  NameParts(split);
  txn::NeedMaintenance();
  BeginProgress("split", shard_id, split->whole.source_node, nodes.back());
  const pg::Rights before = pg::BecomeSuperuser();
  try {
    pg::Call([&] { RunSplit(split); });
  } catch (...) {
    CloseSplit(split);
    txn::WakeMaintenance();
    throw;
  }
  CloseSplit(split);
  EndProgress();
  pg::ReturnRights(before);
  txn::WakeMaintenance();
  return split;
}

struct Texts {
  Datum* values;
  bool* nulls;
  int count;
};

[[noreturn]] void RefuseNull(const char* what) {
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", what)));
  pg_unreachable();
}

pg::Array<int32> PointsOf(ArrayType* array) {
  Texts texts{};
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts.values, &texts.nulls, &texts.count);
  pg::Array<int32> points;
  for (int i = 0; i < texts.count; i++) {
    if (texts.nulls[i]) RefuseNull("a split point");
    points.push_back(pg_strtoint32(TextDatumGetCString(texts.values[i])));
  }
  return points;
}

pg::Array<int> NodesOf(ArrayType* array) {
  Texts numbers{};
  deconstruct_array(array, INT4OID, 4, true, TYPALIGN_INT, &numbers.values, &numbers.nulls, &numbers.count);
  pg::Array<int> nodes;
  for (int i = 0; i < numbers.count; i++) {
    if (numbers.nulls[i]) RefuseNull("a node id");
    nodes.push_back(DatumGetInt32(numbers.values[i]));
  }
  return nodes;
}

const catalog::Table& RequireTenantTable(Oid relid) {
  const catalog::Table* table = catalog::FindTable(relid);
  if (table != nullptr && table->kind == catalog::TableKind::Hash) return *table;
  pg::RequireRelation(relid);
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("\"%s\" is not distributed by a column", get_rel_name(relid)),
                  errdetail("A tenant is a value of the distribution column.")));
}

void CheckCascade(const catalog::Table& table, const char* option) {
  const bool cascades = pg_strcasecmp(option, "cascade") == 0;
  if (!cascades && option[0] != '\0') {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown cascade option \"%s\"", option),
                    errhint("It may be CASCADE or empty.")));
  }
  if (cascades || table.colocation == 0) return;
  const int others = catalog::TablesOfColocation(table.colocation).size() - 1;
  if (others <= 0) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot isolate a tenant of \"%s\" alone", table.name),
                  errdetail("%d other tables are colocated with it, and their shards are split along.", others),
                  errhint("Say cascade_option => 'CASCADE'.")));
}

/// The new shard of the table with this hash value.
int64 PartOf(const Split& split, int64 whole, int32 hash) {
  for (const catalog::ShardPart& part : split.parts) {
    if (part.parent == whole && part.min <= hash && hash <= part.max) return part.id;
  }
  elog(ERROR, "the hash value %d lies in no part of shard " INT64_FORMAT, hash, whole);
}

int64 IsolateTenant(const catalog::Table& table, int32 hash, Mode mode) {
  const int index = core::FindRange(table.mins, table.shard_count, hash);
  if (index < 0) elog(ERROR, "no shard of \"%s\" holds the hash value %d", table.name, hash);
  const catalog::Shard& shard = table.shards[index];
  const pg::Array<int32> points = PointsAround(shard, hash);
  pg::Array<int> nodes;
  if (shard.group_count > 0) {
    const catalog::Node* node = catalog::PrimaryOfGroup(shard.groups[0]);
    for (int i = 0; i <= points.size(); i++) nodes.push_back(node->id);
  }
  return PartOf(*SplitShardGroup(shard.id, points, nodes, mode), shard.id, hash);
}

}  // namespace
}  // namespace altius::rebalance

/// citus_split_shard_by_split_points(shard_id bigint, split_points text[], node_ids integer[], shard_transfer_mode)
ALTIUS_FUNCTION(citus_split_shard_by_split_points) {
  using namespace altius::rebalance;
  RequireMovable("split");
  (void)SplitShardGroup(PG_GETARG_INT64(0), PointsOf(PG_GETARG_ARRAYTYPE_P(1)), NodesOf(PG_GETARG_ARRAYTYPE_P(2)),
                        ModeOf(PG_GETARG_OID(3)));
  PG_RETURN_VOID();
}

/// isolate_tenant_to_new_shard(table_name regclass, tenant_id "any", cascade_option text, shard_transfer_mode)
ALTIUS_FUNCTION(isolate_tenant_to_new_shard) {
  using namespace altius;
  for (int i = 0; i < 4; i++) {
    if (PG_ARGISNULL(i)) rebalance::RefuseNull(i == 1 ? "the tenant" : "an argument");
  }
  rebalance::RequireMovable("split");
  const catalog::Table& table = rebalance::RequireTenantTable(PG_GETARG_OID(0));
  rebalance::CheckCascade(table, text_to_cstring(PG_GETARG_TEXT_PP(2)));
  const Datum key = catalog::AsKey(table, PG_GETARG_DATUM(1), get_fn_expr_argtype(fcinfo->flinfo, 1));
  PG_RETURN_INT64(rebalance::IsolateTenant(table, catalog::HashOfKey(table, key),
                                           rebalance::ModeOf(PG_GETARG_OID(3))));
}
