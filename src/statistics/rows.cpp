// SPDX-License-Identifier: PostgreSQL
// Rows of pg_statistic.
#include "altius/pg/bridge.hpp"
#include "column.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace altius::statistics {
namespace {

/// One of the kinds of statistics that a row has room for.
struct Slot {
  int16 kind;
  Oid op;
  pg::Array<double> numbers;
  pg::Array<Datum> values;
};

/// What the slot's statistics hold, with copies of the values, which are of the type.
void Take(HeapTuple tuple, int kind, Oid type, pg::Array<Datum> *values, pg::Array<double> *numbers) {
  AttStatsSlot slot;
  const int flags = (values != nullptr ? ATTSTATSSLOT_VALUES : 0) | (numbers != nullptr ? ATTSTATSSLOT_NUMBERS : 0);
  if (!get_attstatsslot(&slot, tuple, kind, InvalidOid, flags)) return;
  const bool alike = values == nullptr || slot.valuetype == type;
  int16 length = 0;
  bool by_value = false;
  get_typlenbyval(type, &length, &by_value);
  for (int i = 0; alike && values != nullptr && i < slot.nvalues; i++)
    values->push_back(datumCopy(slot.values[i], by_value, length));
  for (int i = 0; alike && numbers != nullptr && i < slot.nnumbers; i++) numbers->push_back(slot.numbers[i]);
  free_attstatsslot(&slot);
}

pg::Array<Slot> SlotsOf(const Kind &kind, const Column &column) {
  pg::Array<Slot> slots;
  if (!column.common.empty() && OidIsValid(kind.equal))
    slots.push_back({STATISTIC_KIND_MCV, kind.equal, column.fractions, column.common});
  if (!OidIsValid(kind.less)) return slots;
  if (column.bounds.size() > 1) slots.push_back({STATISTIC_KIND_HISTOGRAM, kind.less, {}, column.bounds});
  pg::Array<double> correlation;
  correlation.push_back(column.correlation);
  slots.push_back({STATISTIC_KIND_CORRELATION, kind.less, correlation, {}});
  return slots;
}

Datum NumbersOf(const pg::Array<double> &numbers) {
  auto *datums = static_cast<Datum *>(palloc(sizeof(Datum) * numbers.size()));
  for (int i = 0; i < numbers.size(); i++) datums[i] = Float4GetDatum(static_cast<float4>(numbers[i]));
  return PointerGetDatum(construct_array(datums, numbers.size(), FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

struct Row {
  Datum values[Natts_pg_statistic];
  bool nulls[Natts_pg_statistic];

  void Set(int number, Datum value) { values[number - 1] = value; }
};

void SetSlot(Row *row, int at, const Kind &kind, const Slot &slot) {
  row->Set(Anum_pg_statistic_stakind1 + at, Int16GetDatum(slot.kind));
  row->Set(Anum_pg_statistic_staop1 + at, ObjectIdGetDatum(slot.op));
  row->Set(Anum_pg_statistic_stacoll1 + at, ObjectIdGetDatum(kind.collation));
  row->nulls[Anum_pg_statistic_stanumbers1 + at - 1] = slot.numbers.empty();
  if (!slot.numbers.empty()) row->Set(Anum_pg_statistic_stanumbers1 + at, NumbersOf(slot.numbers));
  row->nulls[Anum_pg_statistic_stavalues1 + at - 1] = slot.values.empty();
  if (slot.values.empty()) return;
  row->Set(Anum_pg_statistic_stavalues1 + at, PointerGetDatum(construct_array(slot.values.data(), slot.values.size(), kind.type,
                                                                             kind.length, kind.by_value, kind.alignment)));
}

Row MakeRow(Oid relid, AttrNumber number, bool with_children, const Kind &kind, const Column &column) {
  Row row{};
  row.Set(Anum_pg_statistic_starelid, ObjectIdGetDatum(relid));
  row.Set(Anum_pg_statistic_staattnum, Int16GetDatum(number));
  row.Set(Anum_pg_statistic_stainherit, BoolGetDatum(with_children));
  row.Set(Anum_pg_statistic_stanullfrac, Float4GetDatum(static_cast<float4>(column.null_fraction)));
  row.Set(Anum_pg_statistic_stawidth, Int32GetDatum(static_cast<int32>(column.width + 0.5)));
  row.Set(Anum_pg_statistic_stadistinct, Float4GetDatum(static_cast<float4>(column.distinct)));
  for (int i = 0; i < STATISTIC_NUM_SLOTS; i++) {
    row.nulls[Anum_pg_statistic_stanumbers1 + i - 1] = true;
    row.nulls[Anum_pg_statistic_stavalues1 + i - 1] = true;
  }
  int at = 0;
  for (const Slot &slot : SlotsOf(kind, column)) SetSlot(&row, at++, kind, slot);
  return row;
}

}  // namespace

bool Read(Oid relid, AttrNumber number, Oid type, bool with_children, Column *column) {
  HeapTuple tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(number), BoolGetDatum(with_children));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto *row = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(tuple));
  *column = {};
  column->null_fraction = row->stanullfrac;
  column->width = row->stawidth;
  column->distinct = row->stadistinct;
  Take(tuple, STATISTIC_KIND_MCV, type, &column->common, &column->fractions);
  Take(tuple, STATISTIC_KIND_HISTOGRAM, type, &column->bounds, nullptr);
  pg::Array<double> correlation;
  Take(tuple, STATISTIC_KIND_CORRELATION, type, nullptr, &correlation);
  if (!correlation.empty()) column->correlation = correlation[0];
  ReleaseSysCache(tuple);
  return true;
}

void Write(Oid relid, AttrNumber number, bool with_children, const Kind &kind, const Column &column) {
  Row row = MakeRow(relid, number, with_children, kind, column);
  Relation statistic = table_open(StatisticRelationId, RowExclusiveLock);
  HeapTuple old = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(number), BoolGetDatum(with_children));
  if (HeapTupleIsValid(old)) {
    bool replaces[Natts_pg_statistic];
    memset(replaces, true, sizeof(replaces));
    HeapTuple changed = heap_modify_tuple(old, RelationGetDescr(statistic), row.values, row.nulls, replaces);
    CatalogTupleUpdate(statistic, &old->t_self, changed);
    ReleaseSysCache(old);
  } else {
    CatalogTupleInsert(statistic, heap_form_tuple(RelationGetDescr(statistic), row.values, row.nulls));
  }
  table_close(statistic, RowExclusiveLock);
}

}  // namespace altius::statistics
