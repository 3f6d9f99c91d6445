// SPDX-License-Identifier: PostgreSQL
// is_key(value, keys): value = ANY (keys) that looks the value up, which PostgreSQL does only for
// lists that it has estimated element by element.
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"

extern "C" {
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/typcache.h"
}

namespace altius::executor {

namespace {

/// A hash table of the elements of an array, by the type's own equality.
struct Keys {
  const TypeCacheEntry* type;
  Oid collation;
  Datum* values;
  int count;
  uint32 mask;
  int* places;  // in values, from 1

  uint32 SlotOf(Datum value) const {
    return murmurhash32(DatumGetUInt32(FunctionCall1Coll(
               const_cast<FmgrInfo*>(&type->hash_proc_finfo), collation, value))) &
           mask;
  }

  bool Contains(Datum value) const {
    for (uint32 slot = SlotOf(value); places[slot] != 0; slot = (slot + 1) & mask) {
      const Datum key = values[places[slot] - 1];
      if (DatumGetBool(
              FunctionCall2Coll(const_cast<FmgrInfo*>(&type->eq_opr_finfo), collation, value, key)))
        return true;
    }
    return false;
  }

  void Add(int index) {
    uint32 slot = SlotOf(values[index]);
    while (places[slot] != 0) slot = (slot + 1) & mask;
    places[slot] = index + 1;
  }
};

const TypeCacheEntry* TypeOf(Oid type) {
  const TypeCacheEntry* entry =
      lookup_type_cache(type, TYPECACHE_HASH_PROC_FINFO | TYPECACHE_EQ_OPR_FINFO);
  if (OidIsValid(entry->hash_proc_finfo.fn_oid) && OidIsValid(entry->eq_opr_finfo.fn_oid))
    return entry;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                  errmsg("could not identify a hash function for type %s", format_type_be(type))));
}

Keys* MakeKeys(ArrayType* array, Oid collation) {
  auto* keys = static_cast<Keys*>(palloc0(sizeof(Keys)));
  keys->type = TypeOf(ARR_ELEMTYPE(array));
  keys->collation = collation;
  bool* nulls;
  deconstruct_array(array, ARR_ELEMTYPE(array), keys->type->typlen, keys->type->typbyval,
                    keys->type->typalign, &keys->values, &nulls, &keys->count);
  uint32 slots = 16;
  while (slots < static_cast<uint32>(keys->count) * 2) slots *= 2;
  keys->mask = slots - 1;
  keys->places = static_cast<int*>(palloc0(sizeof(int) * slots));
  for (int i = 0; i < keys->count; i++)
    if (!nulls[i]) keys->Add(i);
  return keys;
}

/// Made once for a call that always gets the same array.
const Keys* KeysOf(FunctionCallInfo fcinfo) {
  FmgrInfo* call = fcinfo->flinfo;
  if (call->fn_extra != nullptr) return static_cast<Keys*>(call->fn_extra);
  const bool stable = get_fn_expr_arg_stable(call, 1);
  const MemoryContext before = stable ? MemoryContextSwitchTo(call->fn_mcxt) : CurrentMemoryContext;
  Keys* keys = MakeKeys(stable ? PG_GETARG_ARRAYTYPE_P_COPY(1) : PG_GETARG_ARRAYTYPE_P(1),
                        PG_GET_COLLATION());
  MemoryContextSwitchTo(before);
  if (stable) call->fn_extra = keys;
  return keys;
}

}  // namespace

}  // namespace altius::executor

/// is_key(value anyelement, keys anyarray): whether it is one of them.
ALTIUS_FUNCTION(altius_is_key) {
  PG_RETURN_BOOL(altius::executor::KeysOf(fcinfo)->Contains(PG_GETARG_DATUM(0)));
}
