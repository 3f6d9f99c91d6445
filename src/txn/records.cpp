// SPDX-License-Identifier: PostgreSQL
#include "records.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"
}

namespace altius::txn {

namespace {

constexpr int kGroup = 1;  // columns, of the table and of its index
constexpr int kGid = 2;

Oid RelationNamed(const char* name) {
  const Oid relid = get_relname_relid(name, PG_CATALOG_NAMESPACE);
  if (!OidIsValid(relid)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation %s does not exist", name),
                    errhint("The extension altius is missing in this database.")));
  }
  return relid;
}

struct Scan {
  Relation relation;
  Relation index;
  SysScanDesc scan;
};

Scan Begin(LOCKMODE mode, Snapshot snapshot, int keys, ScanKey key) {
  Scan it;
  it.relation = table_open(RelationNamed("pg_dist_transaction"), mode);
  it.index = index_open(RelationNamed("pg_dist_transaction_unique_index"), mode);
  it.scan = systable_beginscan_ordered(it.relation, it.index, snapshot, keys, key);
  return it;
}

void End(const Scan& it, LOCKMODE mode) {
  systable_endscan_ordered(it.scan);
  index_close(it.index, mode);
  table_close(it.relation, NoLock);
}

int GroupOf(const Scan& it, HeapTuple tuple) {
  bool null;
  return DatumGetInt32(heap_getattr(tuple, kGroup, RelationGetDescr(it.relation), &null));
}

bool IsKept(const Scan& it, HeapTuple tuple, const pg::Array<const char*>& kept) {
  if (kept.empty()) return false;
  bool null;
  char* gid = TextDatumGetCString(heap_getattr(tuple, kGid, RelationGetDescr(it.relation), &null));
  const bool found = std::binary_search(kept.begin(), kept.end(), static_cast<const char*>(gid),
                                        [](const char* a, const char* b) { return strcmp(a, b) < 0; });
  pfree(gid);
  return found;
}

/// Another run of recovery may have been faster.
bool Delete(Relation relation, HeapTuple tuple) {
  TM_FailureData failure;
  return table_tuple_delete(relation, &tuple->t_self, GetCurrentCommandId(true), GetLatestSnapshot(), InvalidSnapshot, true, &failure,
                            false) == TM_Ok;
}

}  // namespace

void InsertRecord(int group, const char* gid) {
  Relation relation = table_open(RelationNamed("pg_dist_transaction"), RowExclusiveLock);
  Datum values[3] = {Int32GetDatum(group), CStringGetTextDatum(gid),
                     FullTransactionIdGetDatum(GetTopFullTransactionId())};
  bool nulls[3] = {false, false, false};
  HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation), values, nulls);
  PushActiveSnapshot(GetTransactionSnapshot());  // the statement's is gone
  CatalogTupleInsert(relation, tuple);
  PopActiveSnapshot();
  table_close(relation, NoLock);
}

bool HasRecord(int group, const char* gid, Snapshot snapshot) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kGroup, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(group));
  ScanKeyInit(&keys[1], kGid, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(gid));
  keys[1].sk_collation = DEFAULT_COLLATION_OID;
  const Scan it = Begin(AccessShareLock, snapshot, 2, keys);
  const bool found = systable_getnext_ordered(it.scan, ForwardScanDirection) != nullptr;
  End(it, AccessShareLock);
  return found;
}

pg::Array<int> GroupsWithRecords(Snapshot snapshot) {
  pg::Array<int> groups;
  for (;;) {
    ScanKeyData key;
    ScanKeyInit(&key, kGroup, BTGreaterStrategyNumber, F_INT4GT, Int32GetDatum(groups.empty() ? -1 : groups.back()));
    const Scan it = Begin(AccessShareLock, snapshot, 1, &key);
    HeapTuple tuple = systable_getnext_ordered(it.scan, ForwardScanDirection);
    const int group = tuple == nullptr ? -1 : GroupOf(it, tuple);
    End(it, AccessShareLock);
    if (group < 0) return groups;
    groups.push_back(group);
  }
}

int DeleteRecords(int group, Snapshot snapshot, const pg::Array<const char*>& kept, int most) {
  ScanKeyData key;
  ScanKeyInit(&key, kGroup, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(group));
  const Scan it = Begin(RowExclusiveLock, snapshot, 1, &key);
  int gone = 0;
  for (HeapTuple tuple = systable_getnext_ordered(it.scan, ForwardScanDirection); tuple != nullptr && gone < most;
       tuple = systable_getnext_ordered(it.scan, ForwardScanDirection)) {
    if (!IsKept(it, tuple, kept) && Delete(it.relation, tuple)) gone++;
    CHECK_FOR_INTERRUPTS();
  }
  End(it, RowExclusiveLock);
  return gone;
}

}  // namespace altius::txn
