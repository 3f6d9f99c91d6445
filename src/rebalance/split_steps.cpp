// SPDX-License-Identifier: PostgreSQL
// What a split asks of the nodes that get parts.
#include "altius/ddl/table_commands.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "progress.hpp"
#include "settings.hpp"
#include "split.hpp"
#include "watch.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace altius::rebalance {

namespace {

const char* copy_snapshot = nullptr;

const char* TableSql(const Move&, const Member& part) {
  return psprintf("SELECT altius_internal.create_part(" INT64_FORMAT ", %d)", part.shard_id, ddl::kTable);
}

const char* CopySql(const Move& target, const Member& part) {
  return psprintf("SELECT altius_internal.copy_part_from(" INT64_FORMAT ", %d, %s)", part.shard_id, target.source,
                  copy_snapshot == nullptr ? "NULL" : quote_literal_cstr(copy_snapshot));
}

void OpenLanes(Split* split, Move* target) {
  int tables = 0;
  for (const Member& part : target->members) tables += part.has_rows ? 1 : 0;
  const int lanes = std::max(1, std::min(tables, copy_sessions));
  for (int i = 0; i < lanes; i++) {
    target->lanes.push_back(remote::OwnConnectionTo(target->target));
    remote::Execute(target->lanes[i], psprintf("SELECT altius_internal.foresee_split(%s)", split->arguments));
  }
}

}  // namespace

void OpenTargets(Split* split) {
  for (Move* target : split->targets) {
    target->operation = split->whole.operation;
    target->registry = split->whole.registry;
    target->lead = &split->whole;
    OpenLanes(split, target);
    BeginWatch(target);
  }
}

void CloseSplit(Split* split) noexcept {
  for (Move* target : split->targets) {
    target->registry = nullptr;  // the whole's
    CloseSessions(target);
  }
  CloseSessions(&split->whole);
}

void RegisterParts(Split* split) {
  for (const Move* target : split->targets) {
    for (const Member& part : target->members) {
      Register(split->whole, Resource::Shard, target->target, part.name, Policy::OnFailure);
    }
  }
  txn::StopPoint("split: registered");
}

void MakePartTables(Split* split) {
  for (Move* target : split->targets) {
    for (const Member& part : target->members) (void)Ask(target, target->lanes[0], TableSql(*target, part));
  }
  txn::StopPoint("split: tables made");
}

void CopyPart(Move* target, const char* snapshot) {
  SetPhase(Phase::CopyingData);
  copy_snapshot = snapshot;
  ForEachMember(target, true, CopySql);
  txn::StopPoint("split: rows copied");
}

bool TryMakePartForeignKeys(Split* split, int timeout_ms, int hold_ms) {
  for (; split->targets_with_keys < split->targets.size(); split->targets_with_keys++) {
    const Move* target = split->targets[split->targets_with_keys];
    char* made = nullptr;
    const bool kept = TryInFlip(
        &split->whole,
        psprintf("SELECT altius_internal.make_part_foreign_keys(%d, %s, '%s', %d)", target->target,
                 quote_literal_cstr(split->arguments), target->shard_list, timeout_ms),
        hold_ms > 0 ? hold_ms + timeout_ms : 0, &made);
    if (!kept || made == nullptr || made[0] != 't') return false;
  }
  return true;
}

}  // namespace altius::rebalance

namespace {

const altius::catalog::Table& RequirePart(int64 id, int* index) {
  const altius::catalog::Table* table = altius::catalog::FindTableOfShard(id, index);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard " INT64_FORMAT " does not exist", id)));
  return *table;
}

}  // namespace

/// create_part(shard_id bigint, parts integer): a shard that only this session knows of.
ALTIUS_FUNCTION(altius_create_part) {
  using namespace altius;
  int index = 0;
  const catalog::Table& table = RequirePart(PG_GETARG_INT64(0), &index);
  catalog::InsertStray(PG_GETARG_INT64(0), table.relid);
  ddl::CreateShard(table, index, PG_GETARG_INT32(1));
  PG_RETURN_VOID();
}

/// make_part_foreign_keys(target integer, arguments text, parts bigint[], timeout_ms integer): on the coordinator, in the
/// transaction of the flip; false when a lock is not to be had in time.
ALTIUS_FUNCTION(altius_make_part_foreign_keys) {
  using namespace altius;
  const int target = PG_GETARG_INT32(0);
  const char* sql =
      psprintf("SELECT altius_internal.create_part_foreign_keys(%s, '%s', %d)",
               quote_literal_cstr(text_to_cstring(PG_GETARG_TEXT_PP(1))),
               DatumGetCString(OidFunctionCall1(F_ARRAY_OUT, PG_GETARG_DATUM(2))), PG_GETARG_INT32(3));
  ErrorData* error = pg::Try([&] {
    if (target == catalog::LocalGroup()) {
      (void)pg::RunSql(sql);
    } else {
      txn::ExecuteOnGroups(&target, 1, sql);
    }
  });
  if (error != nullptr && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) ReThrowError(error);
  PG_RETURN_BOOL(error == nullptr);
}

/// create_part_foreign_keys(arguments text, parts bigint[], timeout_ms integer): on the node of the parts.  `arguments` are
/// those of foresee_split: this session foresees the parts just for this.
ALTIUS_FUNCTION(altius_create_part_foreign_keys) {
  using namespace altius;
  const char* foresee =
      psprintf("SELECT altius_internal.foresee_split(%s)", text_to_cstring(PG_GETARG_TEXT_PP(0)));
  const pg::Array<int64> parts = rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(1));
  ErrorData* error = pg::Try([&] {
    (void)pg::RunSql(foresee);
    for (const int64 part : parts) {
      (void)pg::RunSql(psprintf("SELECT altius_internal.create_valid_foreign_keys(" INT64_FORMAT ", %d)", part,
                                PG_GETARG_INT32(2)));
    }
  });
  catalog::Foresee(0, nullptr);
  if (error != nullptr) ReThrowError(error);
  PG_RETURN_VOID();
}
