// SPDX-License-Identifier: PostgreSQL
#include "replay.hpp"

#include "altius/core/copies/row_text.hpp"
#include "altius/pg/compat_apply.hpp"
#include "altius/pg/names_input.hpp"
#include "altius/pg/quiet_rows.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/stored_input.hpp"
#include "altius/pg/text_forms.hpp"
#include "kept_rows.hpp"
#include "local_references.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::task {

namespace {

constexpr int kNowhere = -1;

/// Where rows that look alike lie: a chain in `places`.
struct Alike {
  uint64 hash;
  int first;
};

struct Place {
  ItemPointerData tid;
  int next;
};

struct Copy {
  Relation relation;
  Oid index;  // of the primary key; InvalidOid: rows are known by how they look
  EState* estate;
  ResultRelInfo* info;
  TupleTableSlot* wanted;
  TupleTableSlot* found;
  TupleTableSlot* fresh;
  FmgrInfo input;    // of rows
  FmgrInfo* fields;  // of the columns, where a row's text names objects; null: it does not
  Oid* params;
  bool keeps;  // foreign keys are followed later
  RowWriter writer;
  HTAB* rows;  // of Alike; null until rows are looked for that way
  pg::Array<Place> places;
};

/// Whoever owns the table need not be allowed to look up what a value names.
void SetUpFields(Copy* copy) {
  const TupleDesc columns = RelationGetDescr(copy->relation);
  if (!pg::TextNamesObjects(columns)) return;
  copy->fields = static_cast<FmgrInfo*>(palloc0(sizeof(FmgrInfo) * columns->natts));
  copy->params = static_cast<Oid*>(palloc0(sizeof(Oid) * columns->natts));
  for (int i = 0; i < columns->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(columns, i);
    if (column->attisdropped) continue;
    Oid function;
    getTypeInputInfo(column->atttypid, &function, &copy->params[i]);
    fmgr_info(function, &copy->fields[i]);
    pg::ReadNamesFreely(&copy->fields[i], column->atttypid);
  }
}

void Open(Copy* copy, Oid relid, bool follows_keys) {
  copy->relation = table_open(relid, RowExclusiveLock);
  copy->index = RelationGetPrimaryKeyIndex(copy->relation);
  copy->estate = CreateExecutorState();
  copy->estate->es_output_cid = GetCurrentCommandId(true);
  copy->info = makeNode(ResultRelInfo);
  InitResultRelInfo(copy->info, copy->relation, 0, nullptr, 0);  // of no query
  pg::DropTriggersOfUsers(copy->info);
  copy->keeps = follows_keys && KeepsRows();
  if (follows_keys && !copy->keeps) {
    FollowLocalReferences(copy->info, 0);
  } else {
    copy->info->ri_TrigDesc = nullptr;
  }
  copy->estate->es_opened_result_relations = list_make1(copy->info);
  ExecOpenIndices(copy->info, false);
  const TupleDesc columns = RelationGetDescr(copy->relation);
  copy->wanted = MakeSingleTupleTableSlot(columns, &TTSOpsHeapTuple);
  copy->fresh = MakeSingleTupleTableSlot(columns, &TTSOpsHeapTuple);
  copy->found = table_slot_create(copy->relation, nullptr);
  fmgr_info(F_RECORD_IN, &copy->input);
  pg::ReadAsStored(&copy->input, RelationGetForm(copy->relation)->reltype, -1);
  SetUpFields(copy);
  copy->writer = MakeRowWriter(RelationGetDescr(copy->relation));
  AfterTriggerBeginQuery();
}

void Close(Copy* copy) {
  CommandCounterIncrement();
  AfterTriggerEndQuery(copy->estate);
  for (TupleTableSlot* slot : {copy->wanted, copy->fresh, copy->found}) ExecDropSingleTupleTableSlot(slot);
  ExecCloseResultRelations(copy->estate);  // those that triggers wrote, too
  ExecResetTupleTable(copy->estate->es_tupleTable, false);
  FreeExecutorState(copy->estate);
  table_close(copy->relation, NoLock);
}

[[noreturn]] void RaiseOtherColumns(const Copy& copy) {
  ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                  errmsg("a row does not have the columns of \"%s\"", RelationGetRelationName(copy.relation))));
  pg_unreachable();
}

HeapTuple ReadFields(Copy* copy, const char* row) {
  const TupleDesc columns = RelationGetDescr(copy->relation);
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * columns->natts));
  auto* nulls = static_cast<bool*>(palloc(columns->natts));
  core::RowText text(pstrdup(row));
  for (int i = 0; i < columns->natts; i++) {
    char* field = nullptr;
    const Form_pg_attribute column = TupleDescAttr(columns, i);
    if (!column->attisdropped) {
      if (!text.Next(&field)) RaiseOtherColumns(*copy);
      values[i] = InputFunctionCall(&copy->fields[i], field, copy->params[i], column->atttypmod);
    }
    nulls[i] = field == nullptr;
  }
  if (!text.AtEnd()) RaiseOtherColumns(*copy);
  return heap_form_tuple(columns, values, nulls);
}

HeapTuple ReadRecord(Copy* copy, const char* row) {
  const Oid type = RelationGetForm(copy->relation)->reltype;
  const HeapTupleHeader header =
      DatumGetHeapTupleHeader(InputFunctionCall(&copy->input, const_cast<char*>(row), type, -1));
  HeapTupleData tuple{};
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  tuple.t_data = header;
  ItemPointerSetInvalid(&tuple.t_self);
  return heap_copytuple(&tuple);
}

/// The text's row, of the columns as they are here.
void Read(Copy* copy, const char* row, TupleTableSlot* slot) {
  HeapTuple tuple = copy->fields != nullptr ? ReadFields(copy, row) : ReadRecord(copy, row);
  ExecForceStoreHeapTuple(tuple, slot, true);
  slot->tts_tableOid = RelationGetRelid(copy->relation);
}

/// --- finding a row by how it looks ---

uint64 HashOf(const char* row) {
  return hash_bytes_extended(reinterpret_cast<const unsigned char*>(row), static_cast<int>(strlen(row)), 0);
}

void AddPlace(Copy* copy, const char* row, const ItemPointerData& tid) {
  const uint64 hash = HashOf(row);
  bool known = false;
  auto* alike = static_cast<Alike*>(hash_search(copy->rows, &hash, HASH_ENTER, &known));
  copy->places.push_back({tid, known ? alike->first : kNowhere});
  alike->first = copy->places.size() - 1;
}

void LookAtAll(Copy* copy) {
  HASHCTL control{};
  control.keysize = sizeof(uint64);
  control.entrysize = sizeof(Alike);
  control.hcxt = CurrentMemoryContext;
  copy->rows = hash_create("altius rows of a copy", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  TableScanDesc scan = table_beginscan(copy->relation, SnapshotSelf, 0, nullptr);
  while (table_scan_getnextslot(scan, ForwardScanDirection, copy->found)) {
    CHECK_FOR_INTERRUPTS();
    char* row = TextOfRow(&copy->writer, copy->found);
    AddPlace(copy, row, copy->found->tts_tid);
    pfree(row);
  }
  table_endscan(scan);
  ExecClearTuple(copy->found);
}

bool LooksLike(Copy* copy, const char* row) {
  char* text_of_found = TextOfRow(&copy->writer, copy->found);
  const bool same = strcmp(text_of_found, row) == 0;
  pfree(text_of_found);
  return same;
}

/// One of those that look alike is as good as another; it is not found a second time.
bool FindByLook(Copy* copy, const char* row) {
  if (copy->rows == nullptr) LookAtAll(copy);
  const uint64 hash = HashOf(row);
  auto* alike = static_cast<Alike*>(hash_search(copy->rows, &hash, HASH_FIND, nullptr));
  if (alike == nullptr) return false;
  for (int* at = &alike->first; *at != kNowhere; at = &copy->places[*at].next) {
    if (!table_tuple_fetch_row_version(copy->relation, &copy->places[*at].tid, SnapshotSelf, copy->found)) continue;
    if (!LooksLike(copy, row)) continue;
    *at = copy->places[*at].next;
    return true;
  }
  return false;
}

/// --- changes ---

void Find(Copy* copy, const char* row) {
  CommandCounterIncrement();
  bool found = false;
  if (OidIsValid(copy->index)) {
    Read(copy, row, copy->wanted);
    slot_getallattrs(copy->wanted);
    found = RelationFindReplTupleByIndex(copy->relation, copy->index, LockTupleExclusive, copy->wanted, copy->found);
    ExecClearTuple(copy->wanted);
  } else {
    found = FindByLook(copy, row);
  }
  if (found) return;
  ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                  errmsg("a row of the leading copy of \"%s\" is missing in the copy of this node",
                         RelationGetRelationName(copy->relation)),
                  errhint("altius_check_reference_tables(repair => true) makes the copies the same again.")));
}

void Insert(Copy* copy, const RowChange& change) {
  Read(copy, change.new_row, copy->fresh);
  simple_table_tuple_insert(copy->relation, copy->fresh);
  List* recheck = pg::InsertIndexEntries(copy->info, copy->fresh, copy->estate, false, false);
  if (copy->rows != nullptr) AddPlace(copy, change.new_row, copy->fresh->tts_tid);
  if (copy->keeps) KeepRow(copy->fresh->tts_tableOid, nullptr, &copy->fresh->tts_tid);
  ExecARInsertTriggers(copy->estate, copy->info, copy->fresh, recheck, nullptr);
}

void Update(Copy* copy, const RowChange& change) {
  Find(copy, change.old_row);
  Read(copy, change.new_row, copy->fresh);
  ItemPointerData old_place = copy->found->tts_tid;
  List* recheck = pg::UpdateRowAndEntries(copy->info, &old_place, copy->fresh, copy->estate);
  if (copy->rows != nullptr) AddPlace(copy, change.new_row, copy->fresh->tts_tid);
  if (copy->keeps) KeepRow(copy->fresh->tts_tableOid, &old_place, &copy->fresh->tts_tid);
  ExecARUpdateTriggers(copy->estate, copy->info, nullptr, nullptr, &old_place, nullptr, copy->fresh, recheck, nullptr, false);
}

void Delete(Copy* copy, const RowChange& change) {
  Find(copy, change.old_row);
  ItemPointerData old_place = copy->found->tts_tid;
  simple_table_tuple_delete(copy->relation, &old_place, SnapshotSelf);
  if (copy->keeps) KeepRow(RelationGetRelid(copy->relation), &old_place, nullptr);
  ExecARDeleteTriggers(copy->estate, copy->info, &old_place, nullptr, nullptr, false);
}

void Make(Copy* copy, const RowChange& change) {
  if (*change.old_row == '\0') {
    Insert(copy, change);
  } else if (*change.new_row == '\0') {
    Delete(copy, change);
  } else {
    Update(copy, change);
  }
  ExecClearTuple(copy->fresh);
  ExecClearTuple(copy->found);
  ResetPerTupleExprContext(copy->estate);
}

void ReplayAll(Oid relid, const pg::Array<RowChange>& changes, bool follows_keys) {
  const int level = pg::BeginPortableText();
  Copy copy{};
  Open(&copy, relid, follows_keys);
  for (const RowChange& change : changes) {
    CHECK_FOR_INTERRUPTS();
    Make(&copy, change);
  }
  Close(&copy);
  pg::EndPortableText(level);
}

}  // namespace

void ReplayChanges(Oid relid, const pg::Array<RowChange>& changes) {
  if (changes.empty()) return;
  pg::AsOwner(pg::OwnerOfRelation(relid), [&] { ReplayAll(relid, changes, true); });
}

void MendRows(Oid relid, const pg::Array<RowChange>& changes) {
  if (changes.empty()) return;
  pg::AsOwner(pg::OwnerOfRelation(relid), [&] { ReplayAll(relid, changes, false); });
}

}  // namespace altius::task
