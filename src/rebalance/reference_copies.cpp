// SPDX-License-Identifier: PostgreSQL
// replicate_reference_tables: nodes that lack copies of reference tables get them by the steps of a move, at the end of which
// the source keeps its own.
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/task/differing.hpp"
#include "move.hpp"

extern "C" {
#include "access/relation.h"
#include "utils/inval.h"
}

namespace altius::rebalance {

namespace {

const catalog::Node* NodeOfGroup(int group) {
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group == group) return node;
  }
  return nullptr;
}

/// A node that has the table, the coordinator at last: it has other things to do.
const catalog::Node* SourceOf(const catalog::Shard& shard) {
  const catalog::Node* source = nullptr;
  for (int i = 0; i < shard.group_count; i++) {
    const catalog::Node* node = NodeOfGroup(shard.groups[i]);
    if (node != nullptr && (source == nullptr || source->group == catalog::kCoordinatorGroup)) source = node;
  }
  if (source == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no active node has shard %lld", static_cast<long long>(shard.id))));
  }
  return source;
}

/// What one node lacks, as far as one source has it; null when no node lacks anything.
Move* NextCopy(Mode mode) {
  Move* move = nullptr;
  for (const catalog::Node* target : catalog::ActivePrimaries()) {
    for (const catalog::Table* table : catalog::AllTables()) {
      if (table->kind != catalog::TableKind::Reference || table->shard_count == 0) continue;
      const catalog::Shard& shard = table->shards[0];
      if (catalog::HasPlacement(shard, target->group)) continue;
      if (move == nullptr) {
        const catalog::Node* source = SourceOf(shard);
        move = new (palloc0(sizeof(Move))) Move{};
        move->mode = mode;
        move->copies = true;
        move->source_node = source->id;
        move->source = source->group;
        move->target_node = target->id;
        move->target = target->group;
      }
      if (catalog::HasPlacement(shard, move->source)) AddMember(move, table, 0);
    }
    if (move != nullptr) break;
  }
  if (move == nullptr) return nullptr;
  OrderMembers(move);
  SettleMode(move);
  return move;
}

void NoteDiffering(const Move& move, List** relids) {
  for (const Member& member : move.members) {
    Relation shell = try_relation_open(member.table->relid, AccessShareLock);
    if (shell == nullptr) continue;  // the copy says so
    if (task::GeneratesDiffering(shell)) *relids = list_append_unique_oid(*relids, member.table->relid);
    relation_close(shell, NoLock);
  }
}

}  // namespace
}  // namespace altius::rebalance

/// replicate_reference_tables(transfer_mode)
ALTIUS_FUNCTION(replicate_reference_tables) {
  using namespace altius::rebalance;
  RequireMovable("copied");
  const altius::rebalance::Mode mode = ModeOf(PG_GETARG_OID(0));
  List* differing = NIL;  // new copies have computed generated columns themselves
  for (;;) {
    AcceptInvalidationMessages();
    Move* move = NextCopy(mode);
    if (move == nullptr) break;
    NoteDiffering(*move, &differing);
    PerformMove(move);
  }
  ListCell* cell;
  foreach (cell, differing)
    (void)altius::pg::RunSql(psprintf("SELECT altius_internal.even_copies(%u::pg_catalog.oid::pg_catalog.regclass)", lfirst_oid(cell)));
  PG_RETURN_VOID();
}
