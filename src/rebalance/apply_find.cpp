// SPDX-License-Identifier: PostgreSQL
// Finding the row that a change is about.  Nobody else writes the table, so the newest versions of
// rows are the truth.
#include "apply_table.hpp"

extern "C" {
#include "access/stratnum.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::rebalance {

namespace {

/// Whether rows can be looked up in the index by the columns that are told of every changed row.
bool IsUsable(const ApplyTable* table, Relation index) {
  const Form_pg_index form = index->rd_index;
  const Oid method = index->rd_rel->relam;
  if ((method != BTREE_AM_OID && method != HASH_AM_OID) || !form->indisvalid ||
      form->indnkeyatts == 0)
    return false;
  if (!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr)) return false;
  for (int i = 0; i < form->indnkeyatts; i++) {
    const AttrNumber number = form->indkey.values[i];
    if (number <= 0 || !table->is_key[number - 1]) return false;
    const bool has_nulls =
        !TupleDescAttr(RelationGetDescr(table->relation), number - 1)->attnotnull;
    if (method == HASH_AM_OID && has_nulls) return false;
  }
  return true;
}

int Worth(Relation index) {
  const Form_pg_index form = index->rd_index;
  return (form->indisunique ? 1000 : 0) + (form->indisreplident || form->indisprimary ? 500 : 0) +
         2 * form->indnkeyatts + (index->rd_rel->relam == BTREE_AM_OID ? 1 : 0);
}

void SetUpKeys(ApplyTable* table) {
  Relation index = table->index;
  const int count = index->rd_index->indnkeyatts;
  const bool tree = index->rd_rel->relam == BTREE_AM_OID;
  const StrategyNumber strategy = tree ? BTEqualStrategyNumber : HTEqualStrategyNumber;
  table->keys = static_cast<ScanKeyData*>(palloc0(sizeof(ScanKeyData) * count));
  for (int i = 0; i < count; i++) {
    const Oid type = index->rd_opcintype[i];
    const Oid equal = get_opfamily_member(index->rd_opfamily[i], type, type, strategy);
    if (!OidIsValid(equal))
      elog(ERROR, "missing operator of index \"%s\"", RelationGetRelationName(index));
    ScanKeyEntryInitialize(&table->keys[i], 0, static_cast<AttrNumber>(i + 1), strategy, InvalidOid,
                           index->rd_indcollation[i], get_opcode(equal), 0);
  }
  table->memory = CurrentMemoryContext;
  table->scan = pg::BeginIndexScan(table->relation, index, SnapshotSelf, count);
}

void BeginLookUp(ApplyTable* table) {
  const int count = table->index->rd_index->indnkeyatts;
  for (int i = 0; i < count; i++) {
    const int column = table->index->rd_index->indkey.values[i] - 1;
    const bool null = table->wanted->tts_isnull[column];
    table->keys[i].sk_argument = table->wanted->tts_values[column];
    table->keys[i].sk_flags = null ? SK_ISNULL | SK_SEARCHNULL : 0;
  }
  const MemoryContext before = MemoryContextSwitchTo(table->memory);
  index_rescan(table->scan, table->keys, count, nullptr, 0);
  MemoryContextSwitchTo(before);
}

/// Scans keep what they allocate on the way (dead entries of a page), so it must outlive the row.
bool NextFound(ApplyTable* table) {
  const MemoryContext before = MemoryContextSwitchTo(table->memory);
  const bool got = index_getnext_slot(table->scan, ForwardScanDirection, table->found);
  MemoryContextSwitchTo(before);
  return got;
}

enum class Likeness { Same, Equal };  // byte for byte; as the type's operator says

bool AreAlike(Form_pg_attribute attribute, Datum one, Datum other, Likeness likeness) {
  if (datum_image_eq(one, other, attribute->attbyval, attribute->attlen)) return true;
  if (likeness == Likeness::Same) return false;
  TypeCacheEntry* type = lookup_type_cache(attribute->atttypid, TYPECACHE_EQ_OPR_FINFO);
  if (!OidIsValid(type->eq_opr_finfo.fn_oid)) return false;
  return DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, attribute->attcollation, one, other));
}

bool IsWanted(ApplyTable* table, bool whole, Likeness likeness) {
  TupleDesc descriptor = RelationGetDescr(table->relation);
  slot_getallattrs(table->found);
  for (int i = 0; i < descriptor->natts; i++) {
    if (whole ? table->column_of[i] < 0 : !table->is_key[i]) continue;
    if (table->found->tts_isnull[i] != table->wanted->tts_isnull[i]) return false;
    if (table->found->tts_isnull[i]) continue;
    if (!AreAlike(TupleDescAttr(descriptor, i), table->found->tts_values[i],
                  table->wanted->tts_values[i], likeness))
      return false;
  }
  return true;
}

bool FindByIndex(ApplyTable* table, bool whole, Likeness likeness) {
  BeginLookUp(table);
  const bool certain = !whole && table->index->rd_index->indisunique;
  while (NextFound(table)) {
    if (certain || IsWanted(table, whole, likeness)) return true;
  }
  return false;
}

bool FindByLooking(ApplyTable* table, bool whole, Likeness likeness) {
  TableScanDesc scan = table_beginscan(table->relation, SnapshotSelf, 0, nullptr);
  bool found = false;
  while (!found && table_scan_getnextslot(scan, ForwardScanDirection, table->found)) {
    CHECK_FOR_INTERRUPTS();
    found = IsWanted(table, whole, likeness);
  }
  table_endscan(scan);
  return found;
}

bool Find(ApplyTable* table, bool whole, Likeness likeness) {
  return table->index != nullptr ? FindByIndex(table, whole, likeness)
                                 : FindByLooking(table, whole, likeness);
}

}  // namespace

void ChooseIndex(ApplyTable* table) {
  for (int i = 0; i < table->info->ri_NumIndices; i++) {
    Relation index = table->info->ri_IndexRelationDescs[i];
    if (!IsUsable(table, index)) continue;
    if (table->index == nullptr || Worth(index) > Worth(table->index)) table->index = index;
  }
  if (table->index != nullptr) SetUpKeys(table);
}

void SeeChanges(ApplyTable* table) {
  if (!table->changed) return;
  CommandCounterIncrement();
  table->changed = false;
}

bool FindRow(ApplyTable* table, bool whole) {
  // Two rows may be equal and still not the same (1.0 and 1.00); the same one is there unless a
  // value looks different after its way here (an array with a map of nulls and no null).
  return Find(table, whole, Likeness::Same) || Find(table, whole, Likeness::Equal);
}

}  // namespace altius::rebalance
