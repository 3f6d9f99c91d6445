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
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
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

void LookAtRelation(HeapTuple row) {
  const auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  RefuseName(NameStr(form->relname), form->relnamespace);
}

/// A table can't have the name of a type.  Those of tables and arrays come with others.
void LookAtType(HeapTuple row) {
  const auto* form = reinterpret_cast<Form_pg_type>(GETSTRUCT(row));
  if (!OidIsValid(form->typrelid)) RefuseName(NameStr(form->typname), form->typnamespace);
}

void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void* argument) {
  if (next_hook != nullptr) next_hook(access, class_id, object, sub_id, argument);
  if (access != OAT_POST_CREATE || sub_id != 0 || (class_id != RelationRelationId && class_id != TypeRelationId)) return;
  const auto* create = static_cast<const ObjectAccessPostCreate*>(argument);
  if ((create != nullptr && create->is_internal) || !catalog::IsActive()) return;
  if (class_id == RelationRelationId)
    WithNewRow(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, object, LookAtRelation);
  else
    WithNewRow(TypeRelationId, TypeOidIndexId, Anum_pg_type_oid, object, LookAtType);
}

Oid SchemaOf(const RangeVar* relation, Node* object) {
  if (relation != nullptr) return get_rel_namespace(RangeVarGetRelid(relation, NoLock, true));
  if (object == nullptr || !IsA(object, List)) return InvalidOid;
  const Oid type = LookupTypeNameOid(nullptr, makeTypeNameFromNameList(reinterpret_cast<List*>(object)), true);
  HeapTuple row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  if (!HeapTupleIsValid(row)) return InvalidOid;
  const Oid schema = reinterpret_cast<Form_pg_type>(GETSTRUCT(row))->typnamespace;
  ReleaseSysCache(row);
  return schema;
}

/// Of what has a name of its own in a schema; a constraint's index is named with it.
bool IsNamedInSchema(ObjectType type) {
  return type == OBJECT_TABLE || type == OBJECT_INDEX || type == OBJECT_VIEW || type == OBJECT_MATVIEW || type == OBJECT_SEQUENCE ||
         type == OBJECT_FOREIGN_TABLE || type == OBJECT_TYPE || type == OBJECT_DOMAIN || type == OBJECT_TABCONSTRAINT;
}

const char* LastName(const RangeVar* relation, Node* object) {
  if (relation != nullptr) return relation->relname;
  return object != nullptr && IsA(object, List) ? strVal(llast(reinterpret_cast<List*>(object))) : nullptr;
}

}  // namespace

void RefuseReservedName(Node* statement) {
  if (IsA(statement, RenameStmt)) {
    const auto* rename = reinterpret_cast<const RenameStmt*>(statement);
    if (IsNamedInSchema(rename->renameType)) RefuseName(rename->newname, SchemaOf(rename->relation, rename->object));
  } else if (IsA(statement, AlterObjectSchemaStmt)) {
    const auto* alter = reinterpret_cast<const AlterObjectSchemaStmt*>(statement);
    const char* name = IsNamedInSchema(alter->objectType) ? LastName(alter->relation, alter->object) : nullptr;
    if (name != nullptr) RefuseName(name, get_namespace_oid(alter->newschema, true));
  }
}

void InitReservedNames() {
  next_hook = object_access_hook;
  object_access_hook = OnObjectAccess;
}

}  // namespace altius::ddl
