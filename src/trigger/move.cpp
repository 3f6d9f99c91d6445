// SPDX-License-Identifier: PostgreSQL
// UPDATE of the distribution column: the row is deleted in one shard and inserted in another, but to the user it is updated.  So the
// triggers of the table fire here, where the old and the new row are known before either shard is asked; those of the shards keep still.
#include "altius/pg/bridge.hpp"
#include "altius/pg/row_triggers.hpp"
#include "move_partitions.hpp"
#include "row_change.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
}

namespace altius::trigger {

namespace {

/// A row that the statement has updated.
struct Place {
  int64 shard;
  ItemPointerData ctid;
};

struct State {
  HTAB* places;  // of rows that are updated
  bool fires;    // triggers
};

HTAB* MakePlaces(MemoryContext memory) {
  HASHCTL control = {};
  control.keysize = control.entrysize = sizeof(Place);
  control.hcxt = memory;
  return hash_create("altius updated rows", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/// Rows have no collation, so a call that SQL makes returns none (but may be given one: the final function of an aggregate is).
bool IsPlanned(FunctionCallInfo fcinfo, Oid relid) {
  const Node* call = fcinfo->flinfo->fn_expr;
  if (call == nullptr || !IsA(call, FuncExpr) || !OidIsValid(reinterpret_cast<const FuncExpr*>(call)->funccollid)) return false;
  const Oid type = get_fn_expr_argtype(fcinfo->flinfo, 3);
  return OidIsValid(type) && type == get_rel_type_id(relid);
}

/// Whether a trigger of users may fire when rows are updated.
bool HasTriggers(Oid relid) {
  Relation relation = table_open(relid, AccessShareLock);
  const TriggerDesc* triggers = relation->trigdesc;
  bool has = false;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    has = has || (!trigger.tgisinternal && TRIGGER_FOR_UPDATE(trigger.tgtype));
  }
  const bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
  table_close(relation, NoLock);
  return has || (partitioned && pg::HasRowTriggers(relid, 0));
}

/// What the function knows during a statement.
State* StateOf(FunctionCallInfo fcinfo, Oid relid) {
  auto* state = static_cast<State*>(fcinfo->flinfo->fn_extra);
  if (state != nullptr) return state;
  state = static_cast<State*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(State)));
  state->places = MakePlaces(fcinfo->flinfo->fn_mcxt);
  state->fires = HasTriggers(relid);
  fcinfo->flinfo->fn_extra = state;
  return state;
}

/// A row that several of the sources match is updated once.
bool IsSeenAgain(HTAB* places, int64 shard, ItemPointer ctid) {
  Place place = {};
  memset(&place, 0, sizeof(Place));  // padding is compared, too
  place.shard = shard;
  ItemPointerCopy(ctid, &place.ctid);
  bool found;
  hash_search(places, &place, HASH_ENTER, &found);
  return found;
}

HeapTuple TupleOf(Datum row, Oid relid) {
  HeapTupleHeader header = DatumGetHeapTupleHeader(row);
  HeapTupleData tuple = {};
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  tuple.t_data = header;
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = relid;
  return heap_copytuple(&tuple);
}

TupleTableSlot* SlotWith(const Target* target, Datum row) {
  return ExecStoreHeapTuple(TupleOf(row, target->relid), NewSlot(target), true);
}

bool UpdateWhole(RowChange* update) {
  if (!FireBeforeRow(update)) return false;
  ComputeGenerated(*update);
  TellAfterRow(*update);
  return true;
}

/// The new row after its BEFORE triggers; false when there is to be none.
bool UpdateRow(Oid relid, int64 shard, Datum old_row, Datum new_row, Datum* result) {
  Target* target = OpenTarget(relid);
  RowChange update = {target, TRIGGER_TYPE_UPDATE, ColumnsSet(relid), SlotWith(target, old_row), SlotWith(target, new_row)};
  const bool partitioned = target->relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
  const bool updates = partitioned ? UpdateInPartitions(&update, shard) : UpdateWhole(&update);
  if (updates) {
    TellTransitionsOfRow(update);
    *result = heap_copy_tuple_as_datum(TupleIn(update.new_row), RelationGetDescr(target->relation));
  }
  ExecDropSingleTupleTableSlot(update.old_row);
  ExecDropSingleTupleTableSlot(update.new_row);
  CloseTarget(target);
  return updates;
}

}  // namespace

}  // namespace altius::trigger

/// update_row(relation oid, shard bigint, ctid tid, old row, new row): null when the row is not updated.
ALTIUS_FUNCTION(altius_update_row) {
  const Oid relid = PG_GETARG_OID(0);
  if (!altius::trigger::IsPlanned(fcinfo, relid)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("altius_internal.update_row can't be called")));
  }
  const auto* state = altius::trigger::StateOf(fcinfo, relid);
  auto* ctid = reinterpret_cast<ItemPointer>(PG_GETARG_POINTER(2));
  if (altius::trigger::IsSeenAgain(state->places, PG_GETARG_INT64(1), ctid)) PG_RETURN_NULL();
  if (!state->fires) PG_RETURN_DATUM(PG_GETARG_DATUM(4));
  Datum result;
  if (!altius::trigger::UpdateRow(relid, PG_GETARG_INT64(1), PG_GETARG_DATUM(3), PG_GETARG_DATUM(4), &result)) PG_RETURN_NULL();
  PG_RETURN_DATUM(result);
}
