// SPDX-License-Identifier: PostgreSQL
// altius_check_reference_tables(repair): compares the copies of reference tables, and makes the others what the leading one is.
#include "activate.hpp"
#include "altius/catalog/metadata.hpp"
#include "altius/core/copies/difference.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"
#include "altius/pg/compat_sort.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/task/copies.hpp"
#include "altius/task/differing.hpp"
#include "altius/task/rows.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"
}

namespace altius::cluster {
namespace {

remote::Connection* WriterOn(int group) { return txn::Enlist(group, txn::Access::Write); }

task::CopyDigest DigestOn(int group, int64 shard) {
  if (group == catalog::LocalGroup()) return task::DigestOfCopy(shard);
  const char* sql = psprintf("SELECT altius_internal.digest_of_copy(" INT64_FORMAT ")", shard);
  char* answer = remote::FetchValueByNode(WriterOn(group), sql);
  char* hash = answer == nullptr ? nullptr : strchr(answer, ' ');
  if (hash == nullptr) elog(ERROR, "a node has not told what its copy looks like");
  return {strtoll(answer, nullptr, 10), hash + 1};
}

/// --- copies as they differ, without having one in memory ---

/// Sorted as strcmp does.
Tuplesortstate* BeginSort() {
  return tuplesort_begin_datum(TEXTOID, TextLessOperator, C_COLLATION_OID, false, maintenance_work_mem, nullptr, TUPLESORT_NONE);
}

Tuplesortstate* RowsOn(int group, int64 shard) {
  Tuplesortstate* rows = BeginSort();
  const auto put = [](void* context, Datum row) { tuplesort_putdatum(static_cast<Tuplesortstate*>(context), row, false); };
  if (group == catalog::LocalGroup()) {
    task::RowsOfCopy(shard, put, rows);
  } else {
    TupleDesc columns = CreateTemplateTupleDesc(1);
    TupleDescInitEntry(columns, 1, "row", TEXTOID, -1, 0);
    task::RowStore* store = task::MakeRowStore(columns, false);
    const char* sql = psprintf("SELECT * FROM altius_internal.rows_of_copy(" INT64_FORMAT ")", shard);
    remote::Wait(remote::Send(WriterOn(group), {.sql = sql, .by_node = true}, task::MakeSink(store)));
    TupleTableSlot* row = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
    while (task::ReadRow(store, row, false)) {
      CHECK_FOR_INTERRUPTS();
      slot_getallattrs(row);
      put(rows, row->tts_values[0]);
    }
    ExecDropSingleTupleTableSlot(row);
    task::CloseRowStore(store);
  }
  tuplesort_performsort(rows);
  return rows;
}

/// Rows that are taken out of a copy, or put into it.
class Rows {
 public:
  Rows() : rows_(tuplestore_begin_heap(false, false, work_mem)), columns_(CreateTemplateTupleDesc(1)) {
    TupleDescInitEntry(columns_, 1, "row", TEXTOID, -1, 0);
  }

  void Add(Datum row) {
    bool is_null = false;
    tuplestore_putvalues(rows_, columns_, &row, &is_null);
  }

  /// Calls `deal` with as many at once as may be in memory.
  template <typename Deal>
  void InParts(const Deal& deal) {
    const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "altius rows of a copy", ALLOCSET_DEFAULT_SIZES);
    TupleTableSlot* slot = MakeSingleTupleTableSlot(columns_, &TTSOpsMinimalTuple);
    for (bool more = true; more; MemoryContextReset(memory)) {
      const MemoryContext before = MemoryContextSwitchTo(memory);
      pg::Array<const char*> part;
      Size bytes = 0;
      while (bytes < maintenance_work_mem * Size{1024} && (more = tuplestore_gettupleslot(rows_, true, false, slot))) {
        slot_getallattrs(slot);
        part.push_back(TextDatumGetCString(slot->tts_values[0]));
        bytes += strlen(part.back()) + sizeof(char*);
        ExecClearTuple(slot);  // it may lie in memory of the part
      }
      if (!part.empty()) deal(part);
      MemoryContextSwitchTo(before);
    }
    ExecDropSingleTupleTableSlot(slot);
    tuplestore_end(rows_);
    MemoryContextDelete(memory);
  }

 private:
  Tuplestorestate* rows_;
  TupleDesc columns_;
};

void Mend(int group, int64 shard, const pg::Array<const char*>& extra, const pg::Array<const char*>& missing) {
  if (group == catalog::LocalGroup()) {
    txn::NoteLocalWrite();
    return task::MendCopy(shard, extra, missing);
  }
  static const Oid kTypes[] = {TEXTARRAYOID, TEXTARRAYOID};
  const char* values[] = {pg::ArrayText(extra.data(), extra.size()), pg::ArrayText(missing.data(), missing.size())};
  const char* sql = psprintf("SELECT altius_internal.mend_copy(" INT64_FORMAT ", $1, $2)", shard);
  remote::Wait(remote::Send(
      WriterOn(group),
      {.sql = sql, .param_count = 2, .param_types = kTypes, .param_values = values, .by_node = true}, nullptr));
}

int Compare(Datum one, Datum other) {
  const text* a = DatumGetTextPP(one);
  const text* b = DatumGetTextPP(other);
  return varstr_cmp(VARDATA_ANY(a), static_cast<int>(VARSIZE_ANY_EXHDR(a)), VARDATA_ANY(b),
                    static_cast<int>(VARSIZE_ANY_EXHDR(b)), C_COLLATION_OID);
}

/// A changed row goes and comes, in that order: its key is free then.
void MendOn(int group, int leading, int64 shard) {
  Tuplesortstate* has = RowsOn(group, shard);
  Tuplesortstate* wanted = RowsOn(leading, shard);
  Datum row_here = 0, row_there = 0;
  Rows extra, missing;
  core::Difference(
      [&] { return pg::NextSorted(has, &row_here) ? &row_here : nullptr; },
      [&] { return pg::NextSorted(wanted, &row_there) ? &row_there : nullptr; }, Compare, [&](Datum row) { extra.Add(row); },
      [&](Datum row) { missing.Add(row); });
  tuplesort_end(has);
  tuplesort_end(wanted);
  extra.InParts([&](const pg::Array<const char*>& part) { Mend(group, shard, part, {}); });
  missing.InParts([&](const pg::Array<const char*>& part) { Mend(group, shard, {}, part); });
}

struct Report {
  ReturnSetInfo* result;
  Oid relid;
};

void Tell(const Report& report, int group, const task::CopyDigest& digest, const char* state) {
  const catalog::Node* node = catalog::PrimaryOfGroup(group);
  Datum values[] = {ObjectIdGetDatum(report.relid), CStringGetTextDatum(node->host), Int32GetDatum(node->port),
                    Int64GetDatum(digest.rows),     CStringGetTextDatum(digest.hash), CStringGetTextDatum(state)};
  bool nulls[lengthof(values)] = {};
  tuplestore_putvalues(report.result->setResult, report.result->setDesc, values, nulls);
}

/// The report may be null.
void Check(const Report* report, const catalog::Table& table, bool repair) {
  const catalog::Shard& shard = table.shards[0];
  const task::CopyDigest leading = DigestOn(shard.groups[0], shard.id);
  if (report != nullptr) Tell(*report, shard.groups[0], leading, "leading");
  for (int i = 1; i < shard.group_count; i++) {
    const task::CopyDigest digest = DigestOn(shard.groups[i], shard.id);
    const bool same = digest.rows == leading.rows && strcmp(digest.hash, leading.hash) == 0;
    if (!same && repair) MendOn(shard.groups[i], shard.groups[0], shard.id);
    if (report != nullptr) Tell(*report, shard.groups[i], digest, same ? "same" : repair ? "repaired" : "differs");
  }
}

bool MayCheck(const catalog::Table& table) {
  return superuser() || pg::OwnsRelation(table.relid, GetUserId());
}

bool HasCopies(const catalog::Table& table) {
  return table.kind == catalog::TableKind::Reference && table.shard_count > 0 && table.shards[0].group_count > 1 &&
         get_rel_relkind(table.relid) == RELKIND_RELATION;
}

/// In one order for all who ask.
pg::Array<const catalog::Table*> TablesToCheck() {
  pg::Array<const catalog::Table*> tables;
  for (const catalog::Table* table : catalog::AllTables()) {
    if (HasCopies(*table) && MayCheck(*table)) tables.push_back(table);
  }
  std::sort(tables.begin(), tables.end(), [](const catalog::Table* one, const catalog::Table* other) {
    return one->shards[0].id < other->shards[0].id;
  });
  return tables;
}

}  // namespace

void MakeCopyAlike(Oid relid, int64 shard, int source, int group) {
  Relation shell = table_open(relid, AccessShareLock);
  const bool needed = task::GeneratesDiffering(shell);
  table_close(shell, NoLock);
  if (needed) MendOn(group, source, shard);
}

}  // namespace altius::cluster

/// altius_check_reference_tables(repair boolean)
ALTIUS_FUNCTION(altius_check_reference_tables) {
  using namespace altius;  // NOLINT
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const bool repair = PG_GETARG_BOOL(0);
  for (const catalog::Table* table : cluster::TablesToCheck()) {
    const cluster::Report report = {result, table->relid};
    cluster::Check(&report, *table, repair);
  }
  PG_RETURN_NULL();
}

/// even_copies(relation regclass): after a command that has computed values on each copy.
ALTIUS_FUNCTION(altius_even_copies) {
  using namespace altius;  // NOLINT
  const catalog::Table* table = catalog::FindTable(PG_GETARG_OID(0));
  if (table == nullptr) PG_RETURN_VOID();
  if (!cluster::MayCheck(*table))
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, table->name);
  ListCell* cell;
  foreach (cell, find_all_inheritors(table->relid, NoLock, nullptr)) {
    const catalog::Table* member = catalog::FindTable(lfirst_oid(cell));
    if (member != nullptr && cluster::HasCopies(*member)) cluster::Check(nullptr, *member, true);
  }
  PG_RETURN_VOID();
}
