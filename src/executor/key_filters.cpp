// SPDX-License-Identifier: PostgreSQL
// Keys of hash joins above a fragment become arguments of its statements, which deliver rows with
// these keys only.
#include "key_filters.hpp"

#include "altius/plan/key_filter.hpp"
#include "altius/task/running.hpp"

extern "C" {
#include "executor/hashjoin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::executor {

namespace {

/// As many rows are read to find their keys, before they are asked for.
constexpr int64 kMostRows = 200000;

/// Different values of a type.  Those that are equal and look different are different here.
class KeySet {
 public:
  KeySet(const TypeCacheEntry& type, int most) : type_(type), most_(most), slots_(SlotsFor(most)) {
    places_ = static_cast<int*>(palloc0(sizeof(int) * static_cast<Size>(slots_)));
  }

  /// False when there are more than were asked for.
  bool Add(Datum value) {
    uint32 slot = datum_image_hash(value, type_.typbyval, type_.typlen) % slots_;
    for (; places_[slot] != 0; slot = (slot + 1) % slots_)
      if (datum_image_eq(values_[places_[slot] - 1], value, type_.typbyval, type_.typlen))
        return true;
    if (values_.size() >= most_) return false;
    values_.push_back(datumCopy(value, type_.typbyval, type_.typlen));
    places_[slot] = values_.size();
    return true;
  }

  Datum ToArray() {
    return PointerGetDatum(construct_array(values_.data(), values_.size(), type_.type_id,
                                           type_.typlen, type_.typbyval, type_.typalign));
  }

 private:
  static uint32 SlotsFor(int most) { return static_cast<uint32>(most) * 2 + 1; }

  const TypeCacheEntry& type_;
  int most_;
  uint32 slots_;
  int* places_;  // in values_, from 1
  pg::Array<Datum> values_;
};

/// HJ_BUILD_HASHTABLE of PostgreSQL's nodeHashjoin.c: the table may be there and not have all rows yet.
constexpr int kBuilding = 1;

/// The join, if its table is complete, in memory, and its alone.
const HashJoinState* JoinWithKeys(const EState* estate, int node) {
  PlanState* state = task::FindRunningNode(estate, node);
  if (state == nullptr || !IsA(state, HashJoinState)) return nullptr;
  const auto* join = castNode(HashJoinState, state);
  const HashJoinTable table = join->hj_HashTable;
  if (join->hj_JoinState == kBuilding || table == nullptr || table->nbatch != 1) return nullptr;
  return table->parallel_state == nullptr ? join : nullptr;
}

/// False when there are too many.
bool CollectKeys(HashJoinTable table, TupleTableSlot* row, int attribute, KeySet* keys) {
  for (int bucket = 0; bucket < table->nbuckets; bucket++) {
    for (HashJoinTuple tuple = table->buckets.unshared[bucket]; tuple != nullptr;
         tuple = tuple->next.unshared) {
      CHECK_FOR_INTERRUPTS();
      ExecForceStoreMinimalTuple(HJTUPLE_MINTUPLE(tuple), row, false);
      bool is_null;
      const Datum key = slot_getattr(row, attribute, &is_null);
      if (!is_null && !keys->Add(key)) return false;
    }
  }
  return true;
}

bool KeysOfTable(const EState* estate, const plan::KeyFilter& filter, Datum* array) {
  const HashJoinState* join = JoinWithKeys(estate, filter.node);
  if (join == nullptr) return false;
  KeySet keys(*lookup_type_cache(filter.type, 0), filter.most_keys);
  TupleTableSlot* row =
      MakeSingleTupleTableSlot(join->hj_HashTupleSlot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
  const bool complete = CollectKeys(join->hj_HashTable, row, filter.key, &keys);
  ExecDropSingleTupleTableSlot(row);
  if (complete) *array = keys.ToArray();
  return complete;
}

/// Reads all rows of the store, which the scan may have begun to read; false when there are too many keys.
bool CollectKeys(task::RowStore* store, TupleTableSlot* row, int column, KeySet* keys) {
  const int64 read = store->read;
  task::Rewind(store);
  bool complete = true;
  while (complete && task::ReadRow(store, row, false)) {
    bool is_null;
    const Datum key = slot_getattr(row, column, &is_null);
    complete = is_null || keys->Add(key);
  }
  task::Rewind(store);
  while (store->read < read) (void)task::ReadRow(store, row, false);
  return complete;
}

/// Runs the other fragment, which keeps its rows until they are asked for: to its end, if that is not too far.
bool KeysOfScan(const EState* estate, const plan::KeyFilter& filter, Datum* array) {
  PlanState* found = task::FindRunningNode(estate, filter.node);
  if (found == nullptr || !IsA(found, CustomScanState)) return false;
  FragmentState* other = Cast(castNode(CustomScanState, found));
  if (other->starting || other->backward) return false;
  const MemoryContext before = MemoryContextSwitchTo(other->css.ss.ps.state->es_query_cxt);
  if (other->run == nullptr) StartRun(other);
  while (other->run->store->rows <= kMostRows && FetchMore(other)) {
  }
  MemoryContextSwitchTo(before);
  if (other->run->store->rows > kMostRows) return false;
  KeySet keys(*lookup_type_cache(filter.type, 0), filter.most_keys);
  TupleTableSlot* row = MakeSingleTupleTableSlot(other->row->tts_tupleDescriptor, &TTSOpsMinimalTuple);
  const bool complete = CollectKeys(other->run->store, row, filter.key, &keys);
  ExecDropSingleTupleTableSlot(row);
  if (complete) *array = keys.ToArray();
  return complete;
}

bool KeysOf(const EState* estate, const plan::KeyFilter& filter, Datum* array) {
  return filter.of_scan ? KeysOfScan(estate, filter, array) : KeysOfTable(estate, filter, array);
}

template <typename T>
void Grow(T** values, int count) {
  auto* grown = static_cast<T*>(palloc0(sizeof(T) * static_cast<Size>(count + 1)));
  if (count > 0) memcpy(grown, *values, sizeof(T) * static_cast<Size>(count));
  *values = grown;
}

/// Its number among the statement's, from 1.
int AddArgument(Arguments* arguments, Oid type, Datum value) {
  const int count = arguments->count;
  Grow(&arguments->types, count);
  Grow(&arguments->values, count);
  Grow(&arguments->nulls, count);
  Grow(&arguments->own_types, count);
  Grow(&arguments->own_values, count);
  Grow(&arguments->declared, count);
  arguments->types[count] = arguments->own_types[count] = arguments->declared[count] = type;
  arguments->values[count] = arguments->own_values[count] = value;
  return arguments->count = count + 1;
}

/// The join may compare a column as another type than its own; without a length, which would cut values off.
const char* TypeText(Oid type) {
  return format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/// Few keys are compared, so that an index may find them; more are looked up.
void AppendCondition(StringInfo condition, const plan::KeyFilter& filter, int keys, int argument) {
  if (condition->len > 0) appendStringInfoString(condition, " AND ");
  if (keys > plan::kMostComparedKeys) {
    appendStringInfo(condition, "altius_internal.is_key(c%d::%s, $%d)", filter.column, TypeText(filter.type), argument);
    return;
  }
  Oid left;
  Oid right;
  op_input_types(filter.equality, &left, &right);
  appendStringInfo(condition, "c%d::%s OPERATOR(pg_catalog.%s) ANY ($%d)", filter.column, TypeText(left),
                   get_opname(filter.equality), argument);
}

}  // namespace

void AddKeys(FragmentState* state, Arguments* arguments) {
  StringInfoData condition;
  initStringInfo(&condition);
  const List* filters = state->fragment->key_filters;
  arguments->key_counts =
      static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(list_length(filters))));
  ListCell* cell;
  foreach (cell, filters) {
    const plan::KeyFilter filter = plan::KeyFilterOf(lfirst_node(List, cell));
    int* count = &arguments->key_counts[foreach_current_index(cell)];
    *count = -1;
    Datum array;
    if (!KeysOf(state->css.ss.ps.state, filter, &array)) continue;
    *count =
        ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(array)), ARR_DIMS(DatumGetArrayTypeP(array)));
    AppendCondition(&condition, filter, *count,
                    AddArgument(arguments, get_array_type(filter.type), array));
  }
  if (condition.len > 0) arguments->condition = condition.data;
}

StringInfoData Filtered(const plan::Fragment& fragment, const char* statement,
                        const char* condition) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT * FROM (%s) altius_rows", statement);
  for (int i = 1; i <= list_length(fragment.column_types); i++)
    appendStringInfo(&sql, "%sc%d", i == 1 ? "(" : ", ", i);
  appendStringInfo(&sql, ") WHERE %s", condition);
  return sql;
}

}  // namespace altius::executor
