// SPDX-License-Identifier: PostgreSQL
// The event trigger that follows every DROP: whatever way a shell table went (DROP TABLE, DROP
// SCHEMA CASCADE, DROP OWNED), its shards and metadata on this node go too.  Each node cleans up
// after the same command.
#include "drop.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/relation_lock.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/settings.hpp"
#include "altius/txn/coordinated.hpp"
#include "shard_statement.hpp"
#include "share.hpp"
#include "sql.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/objectaccess.h"
#include "commands/event_trigger.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace altius::ddl {

namespace {

/// Who owned a table that this transaction drops: its shards go with it, and nothing else that has the name of one.  (A table may
/// have got another name than its shards by a command that was left on one node.)
struct Owner {
  Oid relid;
  Oid owner;
};

HTAB* owners = nullptr;  // of this transaction
object_access_hook_type next_hook = nullptr;

void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void* argument) {
  if (next_hook != nullptr) next_hook(access, class_id, object, sub_id, argument);
  if (access != OAT_DROP || class_id != RelationRelationId || sub_id != 0) return;
  const char kind = get_rel_relkind(object);
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) return;
  if (owners == nullptr) {
    HASHCTL control = {};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Owner);
    control.hcxt = TopTransactionContext;
    owners = hash_create("altius owners of dropped tables", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  static_cast<Owner*>(hash_search(owners, &object, HASH_ENTER, nullptr))->owner = pg::OwnerOfRelation(object);
}

void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) owners = nullptr;
}

Oid OwnerOfDropped(Oid relid) {
  if (owners == nullptr) return InvalidOid;
  const auto* found = static_cast<Owner*>(hash_search(owners, &relid, HASH_FIND, nullptr));
  return found == nullptr ? InvalidOid : found->owner;
}

/// A shard of a table of this owner: what only has a shard's name stays.
bool IsShardOf(Oid relid, Oid owner) {
  const char kind = get_rel_relkind(relid);
  return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) && pg::OwnerOfRelation(relid) == owner;
}

}  // namespace

void InitDrop() {
  next_hook = object_access_hook;
  object_access_hook = OnObjectAccess;
  RegisterXactCallback(OnTransaction, nullptr);
}

void DropShardRelations(const ShardNames& names, const int64* ids, int count) {
  const Oid space = get_namespace_oid(names.schema, true);
  if (!OidIsValid(space)) return;
  ObjectAddresses* relations = new_object_addresses();
  bool any = false;
  for (int i = 0; i < count; i++) {
    // The clean-up of moves may be dropping it at this moment.
    const Oid relid = pg::LockRelationNamed(Extend(names.table, ids[i]), space, AccessExclusiveLock);
    if (!OidIsValid(relid) || !IsShardOf(relid, names.owner)) continue;
    ObjectAddress address = {};
    ObjectAddressSet(address, RelationRelationId, relid);
    add_exact_object_address(&address, relations);
    any = true;
  }
  if (any)
    performMultipleDeletions(relations, DROP_CASCADE,
                             PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
  CommandCounterIncrement();
}

/// The coordinator decides for all nodes: they may see others' tables come and go at other times.  A group that somebody is
/// about to join stays, and so does one whose last tables are dropped by two transactions at once; the next table takes it.
void DeleteEmptyColocation(int colocation) {
  if (colocation == 0 || !catalog::IsCoordinator() || door::IsNodeSession() || catalog::HasTables(colocation)) return;
  if (!catalog::TryLockColocation(colocation, catalog::kRemovesColocation) || catalog::HasTables(colocation)) return;
  if (pg::PropagatesDdl() && HasOtherNodes())
    txn::ExecuteOnOtherNodes(psprintf("SELECT altius_internal.delete_colocation(%d)", colocation));
  catalog::DeleteColocation(colocation);
}

namespace {

/// What has the name of a shard that does not lie here is what a move has left, or somebody else's table.
bool IsForCaller(const char* schema, const char* table, int64 id) {
  const Oid space = get_namespace_oid(schema, true);
  if (!OidIsValid(space)) return false;
  // InvalidOid when there is none, or is not any more.
  const Oid owner = pg::OwnerOfRelation(get_relname_relid(Extend(table, id), space));
  return OidIsValid(owner) && has_privs_of_role(GetUserId(), owner);
}

}  // namespace

void ForgetTable(const catalog::Table& table) {
  pg::Array<int64> ids;
  for (int i = 0; i < table.shard_count; i++) {
    if (IsForCaller(table.schema, table.name, table.shards[i].id)) ids.push_back(table.shards[i].id);
  }
  DropShardRelations({table.schema, table.name, pg::OwnerOfRelation(table.relid)}, ids.data(), ids.size());
  const int colocation = table.colocation;
  catalog::DeleteTable(table.relid);
  DeleteEmptyColocation(colocation);
}

namespace {

struct Dropped {
  Oid relid;
  int colocation;
  const char* schema;
  const char* name;
  pg::Array<int64> shards;
};

pg::Array<Dropped> DroppedTables() {
  pg::Array<Dropped> tables;
  List* rows = QueryRows(R"(
SELECT o.objid, p.colocationid, o.schema_name, o.object_name, s.shardid, EXISTS (
  SELECT FROM pg_catalog.pg_dist_placement x JOIN pg_catalog.pg_dist_local_group g ON g.groupid = x.groupid
  WHERE x.shardid = s.shardid) AS here
FROM pg_catalog.pg_event_trigger_dropped_objects() o
JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = o.objid
LEFT JOIN pg_catalog.pg_dist_shard s ON s.logicalrelid = o.objid
WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objsubid = 0 ORDER BY o.objid)",
                         {});
  ListCell* cell;
  foreach (cell, rows) {
    char** row = static_cast<char**>(lfirst(cell));
    const Oid relid = static_cast<Oid>(strtoul(row[0], nullptr, 10));
    if (tables.empty() || tables.back().relid != relid)
      tables.push_back({relid, atoi(row[1]), row[2], row[3], {}});
    if (row[4] == nullptr) continue;
    const int64 id = strtoll(row[4], nullptr, 10);
    if (row[5][0] == 't' || IsForCaller(row[2], row[3], id)) tables.back().shards.push_back(id);
  }
  return tables;
}

/// A type that goes takes its columns along.
void RefuseDroppedKeys() {
  List* rows = QueryRows(R"(
SELECT o.address_names[3], p.logicalrelid FROM pg_catalog.pg_event_trigger_dropped_objects() o
JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = o.objid
WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objsubid > 0
  AND o.objsubid = substring(p.partkey FROM ':varattno (\d+)')::int
  AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = o.objid) ORDER BY o.objid)",
                         {});
  if (rows == NIL) return;
  char** row = static_cast<char**>(linitial(rows));
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot drop the distribution column \"%s\" of \"%s\"", row[0], row[1]),
                  errhint("Drop the table, or call undistribute_table first.")));
}

void ForgetObjects() {
  List* rows = QueryRows(R"(
SELECT o.classid, o.objid FROM pg_catalog.pg_event_trigger_dropped_objects() o
JOIN pg_catalog.pg_dist_object d ON d.classid = o.classid AND d.objid = o.objid WHERE o.objsubid = 0)",
                         {});
  ListCell* cell;
  foreach (cell, rows) {
    char** row = static_cast<char**>(lfirst(cell));
    catalog::DeleteObject(static_cast<Oid>(strtoul(row[0], nullptr, 10)),
                          static_cast<Oid>(strtoul(row[1], nullptr, 10)));
  }
}

void OnDrop() {
  RefuseDroppedKeys();
  const auto tables = DroppedTables();
  ForgetObjects();
  for (const Dropped& table : tables) catalog::DeleteTable(table.relid);
  for (const Dropped& table : tables) {
    DropShardRelations({table.schema, table.name, OwnerOfDropped(table.relid)}, table.shards.data(), table.shards.size());
    DeleteEmptyColocation(table.colocation);
  }
}

}  // namespace

}  // namespace altius::ddl

ALTIUS_FUNCTION(altius_on_drop) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("not called by event trigger manager")));
  if (altius::catalog::IsActive()) altius::ddl::OnDrop();
  PG_RETURN_NULL();
}
