// SPDX-License-Identifier: PostgreSQL
// From a value of the distribution column to its shard.
#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/ranges.hpp"
#include "altius/pg/bridge.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::catalog {

namespace {

int IndexOfHash(const Table& table, int32 hash) {
  const int index = core::FindRange(table.mins, table.shard_count, hash);
  if (index < 0 || hash > table.shards[index].max) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("no shard of \"%s\" holds the hash value %d", table.name, hash),
                    errhint("pg_dist_shard does not cover the whole range of hash values.")));
  }
  return index;
}

/// Types of one operator family hash equal values alike.
FmgrInfo* HashFunctionOf(const Table& table, Oid type) {
  if (type == table.key_type) return table.hash;
  const Oid base = getBaseType(type);
  if (base == table.key_type) return table.hash;
  const Oid family = lookup_type_cache(table.key_type, TYPECACHE_HASH_OPFAMILY)->hash_opf;
  TypeCacheEntry* entry = lookup_type_cache(base, TYPECACHE_HASH_OPFAMILY | TYPECACHE_HASH_PROC_FINFO);
  const bool alike = OidIsValid(family) && entry->hash_opf == family && !type_is_rowtype(base);
  if (!alike) elog(ERROR, "values of type %s are not hashed as those of type %s", format_type_be(type), format_type_be(table.key_type));
  return &entry->hash_proc_finfo;
}

int32 HashBy(FmgrInfo* function, const Table& table, Datum value) {
  if (function == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("could not identify a hash function for the distribution column of \"%s\"", table.name)));
  }
  return DatumGetInt32(FunctionCall1Coll(function, table.key_collation, value));
}

}  // namespace

void RequireShards(const Table& table) {
  if (table.shard_count > 0) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("table \"%s\" has no shards", table.name),
                  errhint("pg_dist_shard has no row for it.")));
}

int32 HashOfKey(const Table& table, Datum value) { return HashBy(table.hash, table, value); }

int ShardIndexOfValue(const Table& table, Datum value) {
  RequireShards(table);
  if (table.kind != TableKind::Hash) return 0;
  return IndexOfHash(table, HashOfKey(table, value));
}

int ShardIndexOfKey(const Table& table, Datum value, bool is_null) {
  if (!is_null || table.kind != TableKind::Hash) return ShardIndexOfValue(table, value);
  RequireShards(table);
  return IndexOfHash(table, kHashOfNull);
}

int ShardIndexOfRange(const Table& table, int32 min, int32 max, int hint) {
  const auto fits = [&](int index) {
    return 0 <= index && index < table.shard_count && table.shards[index].min == min && table.shards[index].max == max;
  };
  if (fits(hint)) return hint;
  const int index = core::FindRange(table.mins, table.shard_count, min);
  return fits(index) ? index : -1;
}

int ShardIndexOfTypedValue(const Table& table, Datum value, Oid type) {
  RequireShards(table);
  if (table.kind != TableKind::Hash) return 0;
  return IndexOfHash(table, HashBy(HashFunctionOf(table, type), table, value));
}

Datum AsKey(const Table& table, Datum value, Oid type) {
  if (!OidIsValid(type)) {
    ereport(ERROR, (errcode(ERRCODE_INDETERMINATE_DATATYPE), errmsg("could not determine the type of the value")));
  }
  if (getBaseType(type) == table.key_type) return value;
  Oid function;
  bool is_varlena;
  char* text_form;
  if (type == UNKNOWNOID) {
    text_form = DatumGetCString(value);
  } else {
    getTypeOutputInfo(type, &function, &is_varlena);
    text_form = OidOutputFunctionCall(function, value);
  }
  Oid io_param;
  getTypeInputInfo(table.key_type, &function, &io_param);
  return OidInputFunctionCall(function, text_form, io_param, -1);
}

}  // namespace altius::catalog
