// SPDX-License-Identifier: PostgreSQL
// SQL twins of the writers, called by the coordinator on the other nodes.  They check what keeps a
// user from spoiling the metadata of tables that are not his.
#include <initializer_list>

#include "altius/catalog/writer.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::catalog {
namespace {

void RequireOwner(Oid relid) {
  if (superuser()) return;
  if (!pg::OwnsRelation(relid, GetUserId())) {
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
  }
}

/// For functions of which some arguments may be null.
void RequireArguments(FunctionCallInfo fcinfo, std::initializer_list<int> numbers) {
  for (const int number : numbers) {
    if (!PG_ARGISNULL(number)) continue;
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument %d must not be null", number + 1)));
  }
}

struct Items {
  Datum* values;
  int count;
};

Items ItemsOf(ArrayType* array, Oid type, int length) {
  Items items{};
  bool* nulls = nullptr;
  const bool by_value = length == 4 || FLOAT8PASSBYVAL;
  deconstruct_array(array, type, length, by_value, length == 4 ? TYPALIGN_INT : TYPALIGN_DOUBLE,
                    &items.values, &nulls, &items.count);
  for (int i = 0; i < items.count; i++) {
    if (nulls[i]) {
      ereport(ERROR,
              (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
  }
  return items;
}

pg::Array<int64> BigintsOf(ArrayType* array) {
  pg::Array<int64> numbers;
  const Items items = ItemsOf(array, INT8OID, 8);
  for (int i = 0; i < items.count; i++) numbers.push_back(DatumGetInt64(items.values[i]));
  return numbers;
}

pg::Array<int32> IntsOf(ArrayType* array) {
  pg::Array<int32> numbers;
  const Items items = ItemsOf(array, INT4OID, 4);
  for (int i = 0; i < items.count; i++) numbers.push_back(DatumGetInt32(items.values[i]));
  return numbers;
}

void RequireSameLength(int a, int b) {
  if (a != b) {
    ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("arrays differ in length")));
  }
}

void RequireSuperuser() {
  if (!superuser()) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser")));
  }
}

ObjectAddress AddressOf(FunctionCallInfo fcinfo) {
  const Datum row = OidFunctionCall3(F_PG_GET_OBJECT_ADDRESS, PG_GETARG_DATUM(0),
                                     PG_GETARG_DATUM(1), PG_GETARG_DATUM(2));
  HeapTupleHeader tuple = DatumGetHeapTupleHeader(row);
  bool is_null = false;
  ObjectAddress address{};
  address.classId = DatumGetObjectId(GetAttributeByNum(tuple, 1, &is_null));
  address.objectId = DatumGetObjectId(GetAttributeByNum(tuple, 2, &is_null));
  address.objectSubId = DatumGetInt32(GetAttributeByNum(tuple, 3, &is_null));
  return address;
}

}  // namespace
}  // namespace altius::catalog

using namespace altius;           // NOLINT: the functions below are outside of any namespace
using namespace altius::catalog;  // NOLINT

ALTIUS_NODE_FUNCTION(altius_insert_partition) {
  RequireArguments(fcinfo, {0, 1, 3, 4});
  const Oid relid = PG_GETARG_OID(0);
  RequireOwner(relid);
  const char* key = PG_ARGISNULL(2) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(2));
  InsertPartition(relid, PG_GETARG_CHAR(1), key, PG_GETARG_INT32(3), PG_GETARG_CHAR(4));
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_insert_shards) {
  RequireArguments(fcinfo, {0, 1});
  if (PG_ARGISNULL(2) != PG_ARGISNULL(3)) RequireArguments(fcinfo, {2, 3});
  const Oid relid = PG_GETARG_OID(0);
  RequireOwner(relid);
  const auto ids = BigintsOf(PG_GETARG_ARRAYTYPE_P(1));
  if (PG_ARGISNULL(2)) {
    InsertShards(relid, ids.size(), ids.data(), nullptr, nullptr);
    PG_RETURN_VOID();
  }
  const auto mins = IntsOf(PG_GETARG_ARRAYTYPE_P(2));
  const auto maxs = IntsOf(PG_GETARG_ARRAYTYPE_P(3));
  RequireSameLength(ids.size(), mins.size());
  RequireSameLength(ids.size(), maxs.size());
  InsertShards(relid, ids.size(), ids.data(), mins.data(), maxs.data());
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_insert_placements) {
  const auto ids = BigintsOf(PG_GETARG_ARRAYTYPE_P(0));
  const auto shards = BigintsOf(PG_GETARG_ARRAYTYPE_P(1));
  const auto groups = IntsOf(PG_GETARG_ARRAYTYPE_P(2));
  RequireSameLength(ids.size(), shards.size());
  RequireSameLength(ids.size(), groups.size());
  for (const int64 id : shards) {
    const Table* table = FindTableOfShard(id, nullptr);
    if (table == nullptr) {
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                      errmsg("shard %lld does not exist", static_cast<long long>(id))));
    }
    RequireOwner(table->relid);
  }
  InsertPlacements(ids.size(), ids.data(), shards.data(), groups.data());
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_move_placements) {
  RequireSuperuser();
  const auto shards = BigintsOf(PG_GETARG_ARRAYTYPE_P(0));
  MovePlacements(shards.size(), shards.data(), PG_GETARG_INT32(1), PG_GETARG_INT32(2));
  PG_RETURN_VOID();
}

namespace {

/// The arrays parents, ids, mins, maxs, groups, placements.
pg::Array<ShardPart> PartsOf(FunctionCallInfo fcinfo) {
  const auto parents = BigintsOf(PG_GETARG_ARRAYTYPE_P(0));
  const auto ids = BigintsOf(PG_GETARG_ARRAYTYPE_P(1));
  const auto mins = IntsOf(PG_GETARG_ARRAYTYPE_P(2));
  const auto maxs = IntsOf(PG_GETARG_ARRAYTYPE_P(3));
  const auto groups = IntsOf(PG_GETARG_ARRAYTYPE_P(4));
  const auto placements = BigintsOf(PG_GETARG_ARRAYTYPE_P(5));
  const int counts[] = {ids.size(), mins.size(), maxs.size(), groups.size(), placements.size()};
  for (const int count : counts) RequireSameLength(parents.size(), count);
  pg::Array<ShardPart> parts;
  for (int i = 0; i < parents.size(); i++)
    parts.push_back({parents[i], ids[i], mins[i], maxs[i], groups[i], placements[i]});
  return parts;
}

}  // namespace

ALTIUS_NODE_FUNCTION(altius_split_shards) {
  RequireSuperuser();
  const auto parts = PartsOf(fcinfo);
  SplitShards(parts.size(), parts.data());
  PG_RETURN_VOID();
}

/// The same arguments: this session sees the parts from now on, others don't.
ALTIUS_NODE_FUNCTION(altius_foresee_split) {
  RequireSuperuser();
  pg::Array<ForeseenShard> shards;
  for (const ShardPart& part : PartsOf(fcinfo))
    shards.push_back({part.parent, part.id, part.min, part.max, part.group});
  Foresee(shards.size(), shards.data());
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_insert_colocation) {
  InsertColocation(PG_GETARG_INT32(0), PG_GETARG_INT32(1), PG_GETARG_INT32(2), PG_GETARG_OID(3),
                   PG_GETARG_OID(4));
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_delete_colocation) {
  DeleteColocation(PG_GETARG_INT32(0));
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_delete_table) {
  RequireOwner(PG_GETARG_OID(0));
  DeleteTable(PG_GETARG_OID(0));
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_insert_object) {
  const ObjectAddress address = AddressOf(fcinfo);
  InsertObject(address.classId, address.objectId);
  PG_RETURN_VOID();
}

ALTIUS_NODE_FUNCTION(altius_delete_object) {
  RequireSuperuser();
  const ObjectAddress address = AddressOf(fcinfo);
  DeleteObject(address.classId, address.objectId);
  PG_RETURN_VOID();
}
