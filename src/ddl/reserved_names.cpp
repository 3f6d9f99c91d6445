// SPDX-License-Identifier: PostgreSQL
// A name with the number of a shard is for the owner of the shard's table: who may make things in its schema could else be in the way
// of moves to this node, and of what a command makes on each shard, until somebody looks for the reason.
#include "reserved_names.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/name.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace altius::ddl {

namespace {

object_access_hook_type next_hook = nullptr;

void RefuseName(const char* name, Oid schema) {
  const auto id = core::ShardIdOfName(name);
  if (!id.has_value() || superuser()) return;
  const catalog::Table* table = catalog::FindTableOfShard(*id, nullptr);
  if (table == nullptr || get_rel_namespace(table->relid) != schema) return;
  if (has_privs_of_role(GetUserId(), pg::OwnerOfRelation(table->relid))) return;
  ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME), errmsg("name \"%s\" is reserved", name),
                  errdetail("It ends in the number of a shard of \"%s\".", table->name)));
}

/// Calls `look` with the row, which nobody else sees yet.
template <typename Look>
void WithNewRow(Oid catalog, Oid index, AttrNumber key_column, Oid object, Look look) {
  Relation relation = table_open(catalog, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, key_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
  SysScanDesc scan = systable_beginscan(relation, index, true, SnapshotSelf, 1, &key);
  HeapTuple row = systable_getnext(scan);
  if (HeapTupleIsValid(row)) look(row);
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
}

/// The row of an object that exists is looked at when it has got another name or schema.
void LookAtRelation(HeapTuple row, bool is_new) {
  const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  const char* before = is_new ? nullptr : get_rel_name(form->oid);
  if (before != nullptr && strcmp(before, NameStr(form->relname)) == 0 && get_rel_namespace(form->oid) == form->relnamespace) return;
  RefuseName(NameStr(form->relname), form->relnamespace);
}

bool IsAsBefore(const FormData_pg_type& type) {
  HeapTuple before = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type.oid));
  if (!HeapTupleIsValid(before)) return false;
  const auto* form = reinterpret_cast<Form_pg_type>(GETSTRUCT(before));
  const bool same = strcmp(NameStr(form->typname), NameStr(type.typname)) == 0 && form->typnamespace == type.typnamespace;
  ReleaseSysCache(before);
  return same;
}

/// A table can't have the name of a type.  Those of tables and arrays come with others.
void LookAtType(HeapTuple row, bool is_new) {
  const auto* form = reinterpret_cast<Form_pg_type>(GETSTRUCT(row));
  if (OidIsValid(form->typrelid) || (!is_new && IsAsBefore(*form))) return;
  RefuseName(NameStr(form->typname), form->typnamespace);
}

/// Whatever command it is: ADD CONSTRAINT ... USING INDEX renames the index, and what belongs to a table goes to another schema with it.
void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void* argument) {
  if (next_hook != nullptr) next_hook(access, class_id, object, sub_id, argument);
  const bool is_new = access == OAT_POST_CREATE;
  if ((!is_new && access != OAT_POST_ALTER) || sub_id != 0) return;
  if (class_id != RelationRelationId && class_id != TypeRelationId) return;
  if (is_new && argument != nullptr && static_cast<const ObjectAccessPostCreate*>(argument)->is_internal) return;
  if (!catalog::IsActive()) return;
  if (class_id == RelationRelationId)
    WithNewRow(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, object, [&](HeapTuple row) { LookAtRelation(row, is_new); });
  else
    WithNewRow(TypeRelationId, TypeOidIndexId, Anum_pg_type_oid, object, [&](HeapTuple row) { LookAtType(row, is_new); });
}

}  // namespace

void InitReservedNames() {
  next_hook = object_access_hook;
  object_access_hook = OnObjectAccess;
}

}  // namespace altius::ddl
