// SPDX-License-Identifier: PostgreSQL
// The rows that a table had before it was distributed go into its shards.
#include "altius/ingest/ingest.hpp"
#include "altius/pg/text_forms.hpp"
#include "lines.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "utils/snapmgr.h"
}

namespace altius::ingest {

namespace {

void RouteAll(Relation shell, const catalog::Table &table) {
  const TupleDesc desc = RelationGetDescr(shell);
  FmgrInfo *outputs = MakeOutputs(desc);
  LineFormat format = TextFormat(shell);
  format.as_owner = true;
  Router router = MakeRouter(table, shell, format);
  StringInfoData line;
  initStringInfo(&line);
  const MemoryContext row_memory =
      AllocSetContextCreate(CurrentMemoryContext, "altius moved row", ALLOCSET_DEFAULT_SIZES);
  // All that is committed now: the table is locked, so nothing can be added.
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const bool names = pg::TextNamesObjects(desc);
  const TableScanDesc scan = table_beginscan(shell, snapshot, 0, nullptr);
  TupleTableSlot *slot = table_slot_create(shell, nullptr);
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    slot_getallattrs(slot);
    resetStringInfo(&line);
    const MemoryContext before = MemoryContextSwitchTo(row_memory);
    const int level = pg::BeginPortableText(names);
    AppendTextLine(&line, desc, outputs, slot->tts_values, slot->tts_isnull);
    pg::EndPortableText(level);
    const int shard_index = ShardOfRow(table, slot->tts_values, slot->tts_isnull);
    MemoryContextSwitchTo(before);
    MemoryContextReset(row_memory);
    RouteLine(&router, shard_index, static_cast<uint32>(router.lines + 1), line.data, line.len);
  }
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  UnregisterSnapshot(snapshot);
  FinishRouter(&router);
  MemoryContextDelete(row_memory);
}

}  // namespace

void MoveLocalRows(Oid relid) {
  const Relation shell = table_open(relid, AccessExclusiveLock);
  const catalog::Table *table = catalog::FindTable(relid);
  if (shell->rd_rel->relkind == RELKIND_RELATION && table != nullptr && table->shard_count > 0) {
    RouteAll(shell, *table);
  }
  table_close(shell, NoLock);
}

}  // namespace altius::ingest
