// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/quiet_rows.hpp"

#include "altius/pg/compat_apply.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/nodeModifyTable.h"
#include "parser/analyze.h"
#include "parser/parsetree.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/reltrigger.h"
}

namespace altius::pg {

namespace {

// As COPY does.
constexpr int kMostRows = 1000;
constexpr Size kMostBytes = 65535;

}  // namespace

struct QuietRows {
  Relation relation;
  EState* estate;
  ResultRelInfo* info;
  BulkInsertState bulk;
  TupleTableSlot* slots[kMostRows];
  int count;
  Size bytes;
  uint64 written;
};

QuietRows* BeginQuietRows(Relation relation, Keys keys) {
  if (relation->rd_rel->relkind != RELKIND_RELATION)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", RelationGetRelationName(relation))));
  auto* rows = static_cast<QuietRows*>(palloc0(sizeof(QuietRows)));
  rows->relation = relation;
  rows->estate = CreateExecutorState();
  rows->info = makeNode(ResultRelInfo);
  InitResultRelInfo(rows->info, relation, 0, nullptr, 0);  // of no query
  if (keys == Keys::Trusted) rows->info->ri_TrigDesc = nullptr;
  DropTriggersOfUsers(rows->info);
  ExecOpenIndices(rows->info, false);
  rows->bulk = GetBulkInsertState();
  return rows;
}

TupleTableSlot* NextQuietRow(QuietRows* rows) {
  TupleTableSlot** slot = &rows->slots[rows->count];
  if (*slot == nullptr) *slot = table_slot_create(rows->relation, nullptr);
  return ExecClearTuple(*slot);
}

MemoryContext MemoryOfQuietRows(const QuietRows* rows) { return GetPerTupleMemoryContext(rows->estate); }

ExprContext* ContextOfQuietRows(const QuietRows* rows) { return GetPerTupleExprContext(rows->estate); }

void FlushQuietRows(QuietRows* rows) {
  if (rows->count == 0) return;
  const MemoryContext before = MemoryContextSwitchTo(MemoryOfQuietRows(rows));
  table_multi_insert(rows->relation, rows->slots, rows->count, GetCurrentCommandId(true), 0, rows->bulk);
  for (int i = 0; i < rows->count; i++) {
    List* recheck = InsertIndexEntries(rows->info, rows->slots[i], rows->estate, false, false);
    ExecARInsertTriggers(rows->estate, rows->info, rows->slots[i], recheck, nullptr);
    ExecClearTuple(rows->slots[i]);
  }
  MemoryContextSwitchTo(before);
  rows->written += rows->count;
  rows->count = 0;
  rows->bytes = 0;
  ResetPerTupleExprContext(rows->estate);
}

void AddQuietRow(QuietRows* rows) {
  TupleTableSlot* slot = rows->slots[rows->count];
  TupleDesc columns = RelationGetDescr(rows->relation);
  ExecStoreVirtualTuple(slot);
  slot->tts_tableOid = RelationGetRelid(rows->relation);
  if (columns->constr != nullptr && columns->constr->has_generated_stored)
    ExecComputeStoredGenerated(rows->info, rows->estate, slot, CMD_INSERT);
  slot_getallattrs(slot);
  rows->bytes += heap_compute_data_size(columns, slot->tts_values, slot->tts_isnull);
  rows->count++;
  if (rows->count == kMostRows || rows->bytes > kMostBytes) FlushQuietRows(rows);
}

uint64 EndQuietRows(QuietRows* rows) {
  FlushQuietRows(rows);
  const uint64 written = rows->written;
  FreeBulkInsertState(rows->bulk);
  table_finish_bulk_insert(rows->relation, 0);
  for (TupleTableSlot* slot : rows->slots) {
    if (slot != nullptr) ExecDropSingleTupleTableSlot(slot);
  }
  ExecCloseIndices(rows->info);
  ExecResetTupleTable(rows->estate->es_tupleTable, false);
  FreeExecutorState(rows->estate);
  pfree(rows);
  CommandCounterIncrement();
  return written;
}

void EndQueryOfKeys() {
  EState* estate = CreateExecutorState();
  AfterTriggerEndQuery(estate);
  ExecCloseResultRelations(estate);
  ExecResetTupleTable(estate->es_tupleTable, false);
  FreeExecutorState(estate);
}

void DropTriggersOfUsers(ResultRelInfo* target) {
  TriggerDesc* triggers = target->ri_TrigDesc;
  if (triggers == nullptr) return;
  int kept = 0;
  for (int i = 0; i < triggers->numtriggers; i++) {
    if (triggers->triggers[i].tgisinternal) triggers->triggers[kept++] = triggers->triggers[i];
  }
  triggers->numtriggers = kept;
}

namespace {

/// Whether it is still what was written: a rule may have made it the UPDATE of another table, whose triggers must fire.
bool IsUpdateOf(const Query* query, Oid relid) {
  return query->commandType == CMD_UPDATE && rt_fetch(query->resultRelation, query->rtable)->relid == relid;
}

PlannedStmt* PlanOf(const char* sql, Oid relid) {
  auto* raw = linitial_node(RawStmt, pg_parse_query(sql));
  List* queries = pg_analyze_and_rewrite_fixedparams(raw, sql, nullptr, 0, nullptr);
  if (list_length(queries) != 1 || !IsUpdateOf(linitial_node(Query, queries), relid))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a rule makes another statement of the change of all rows"),
                    errdetail("Statement: %s", sql)));
  return pg_plan_query(linitial_node(Query, queries), sql, CURSOR_OPT_PARALLEL_OK, nullptr);
}

}  // namespace

void UpdateQuietly(Oid relid, const char* sql) {
  CommandCounterIncrement();
  PushCopiedSnapshot(GetTransactionSnapshot());
  UpdateActiveSnapshotCommandId();
  QueryDesc* query =
      CreateQueryDesc(PlanOf(sql, relid), sql, GetActiveSnapshot(), InvalidSnapshot, None_Receiver, nullptr, nullptr, 0);
  ExecutorStart(query, 0);
  ListCell* cell;
  foreach (cell, query->estate->es_opened_result_relations) DropTriggersOfUsers(static_cast<ResultRelInfo*>(lfirst(cell)));
  ExecutorRun(query, ForwardScanDirection, 0, true);
  ExecutorFinish(query);
  ExecutorEnd(query);
  FreeQueryDesc(query);
  PopActiveSnapshot();
  CommandCounterIncrement();
}

}  // namespace altius::pg
