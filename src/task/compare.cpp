// SPDX-License-Identifier: PostgreSQL
// Looking at a copy as a whole, and mending it.  Rows are turned into text with the rights of the table's owner.
#include "altius/door/door.hpp"
#include "altius/pg/rights.hpp"
#include "altius/task/copies.hpp"
#include "capture.hpp"
#include "replay.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

template <typename Each>
void ReadRows(Oid relid, const Each& each) {
  Relation relation = table_open(relid, NoLock);
  RowWriter writer = MakeRowWriter(RelationGetDescr(relation));
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    each(TextOfRow(&writer, slot));
  }
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  UnregisterSnapshot(snapshot);
  table_close(relation, NoLock);
}

/// Writers stay away until the end of the transaction; those that have been prepared are awaited.
template <typename Each>
void ReadCopy(int64 shard, const Each& each) {
  const Oid relid = ClaimCopy(shard);
  LockRelationOid(relid, ShareRowExclusiveLock);
  pg::AsOwner(pg::OwnerOfRelation(relid), [&] { ReadRows(relid, each); });
}

pg::Array<const char*> TextsOf(ArrayType* array) {
  Datum* items;
  int count;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
  pg::Array<const char*> texts;
  for (int i = 0; i < count; i++) texts.push_back(TextDatumGetCString(items[i]));
  return texts;
}

}  // namespace

CopyDigest DigestOfCopy(int64 shard) {
  CopyDigest digest{};
  uint64 sums[2] = {0, 0};
  ReadCopy(shard, [&](char* row) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(row);
    for (uint64 seed = 0; seed < 2; seed++) sums[seed] += hash_bytes_extended(bytes, static_cast<int>(strlen(row)), seed);
    digest.rows++;
    pfree(row);
  });
  digest.hash = psprintf("%016" INT64_MODIFIER "x%016" INT64_MODIFIER "x", sums[0], sums[1]);
  return digest;
}

void RowsOfCopy(int64 shard, void (*each)(void* context, Datum row), void* context) {
  ReadCopy(shard, [&](char* row) {
    const Datum value = CStringGetTextDatum(row);
    each(context, value);
    pfree(DatumGetPointer(value));
    pfree(row);
  });
}

void MendCopy(int64 shard, const pg::Array<const char*>& extra, const pg::Array<const char*>& missing) {
  pg::Array<RowChange> changes;
  for (const char* row : extra) changes.push_back({row, ""});
  for (const char* row : missing) changes.push_back({"", row});
  MendRows(ClaimCopy(shard), changes);
}

}  // namespace altius::task

/// digest_of_copy(shard bigint): number of rows, and a hash of them that their order does not matter to.
ALTIUS_NODE_FUNCTION(altius_digest_of_copy) {
  using namespace altius;
  const task::CopyDigest digest = task::DigestOfCopy(PG_GETARG_INT64(0));
  PG_RETURN_TEXT_P(cstring_to_text(psprintf(INT64_FORMAT " %s", digest.rows, digest.hash)));
}

/// rows_of_copy(shard bigint)
ALTIUS_NODE_FUNCTION(altius_rows_of_copy) {
  using namespace altius;
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const auto put = [](void* context, Datum row) {
    const auto* to = static_cast<ReturnSetInfo*>(context);
    bool is_null = false;
    tuplestore_putvalues(to->setResult, to->setDesc, &row, &is_null);
  };
  task::RowsOfCopy(PG_GETARG_INT64(0), put, result);
  PG_RETURN_NULL();
}

/// mend_copy(shard bigint, extra text[], missing text[])
ALTIUS_NODE_FUNCTION(altius_mend_copy) {
  using namespace altius;
  task::MendCopy(PG_GETARG_INT64(0), task::TextsOf(PG_GETARG_ARRAYTYPE_P(1)), task::TextsOf(PG_GETARG_ARRAYTYPE_P(2)));
  PG_RETURN_VOID();
}
