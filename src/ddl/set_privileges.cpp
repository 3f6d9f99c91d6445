// SPDX-License-Identifier: PostgreSQL
// Writes the privileges of an object into whichever catalog holds them.
#include "altius/pg/bridge.hpp"
#include "privileges.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace altius::ddl {

namespace {

/// Where an object's privileges stand.
struct Place {
  Oid catalog;
  int acl;  // column
  HeapTuple row;
  Oid owner;
};

Oid OwnerOf(Oid class_id, HeapTuple row) {
  const AttrNumber column = get_object_attnum_owner(class_id);
  if (column == InvalidAttrNumber) return InvalidOid;
  bool is_null = false;
  return DatumGetObjectId(SysCacheGetAttr(get_object_catcache_oid(class_id), row, column, &is_null));
}

HeapTuple RowOf(Oid class_id, Oid object_id) {
  const int cache = is_objectclass_supported(class_id) ? get_object_catcache_oid(class_id) : -1;
  if (cache < 0 || get_object_attnum_acl(class_id) == InvalidAttrNumber)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("objects of this kind have no privileges")));
  HeapTuple row = SearchSysCacheCopy1(cache, ObjectIdGetDatum(object_id));
  if (!HeapTupleIsValid(row))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("object %u does not exist", object_id)));
  return row;
}

/// Only relations have parts, and another catalog's object may have a relation's oid.
Place PlaceOf(const ObjectAddress& object) {
  if (object.objectSubId != 0 && (object.classId != RelationRelationId || object.objectSubId < 0 ||
                                  object.objectSubId > MaxHeapAttributeNumber))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column %d does not exist", object.objectSubId)));
  HeapTuple row = RowOf(object.classId, object.objectId);
  const Oid owner = OwnerOf(object.classId, row);
  if (object.objectSubId == 0) return {object.classId, get_object_attnum_acl(object.classId), row, owner};
  row = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(object.objectId), Int16GetDatum(object.objectSubId));
  if (!HeapTupleIsValid(row))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column %d does not exist", object.objectSubId)));
  return {AttributeRelationId, Anum_pg_attribute_attacl, row, owner};
}

/// Null for the default.
Acl* AclIn(Relation catalog, const Place& place) {
  bool is_null = false;
  const Datum datum = heap_getattr(place.row, place.acl, RelationGetDescr(catalog), &is_null);
  return is_null ? nullptr : DatumGetAclPCopy(datum);
}

bool Same(const Acl* one, const Acl* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return ACL_NUM(one) == ACL_NUM(other) &&
         memcmp(ACL_DAT(one), ACL_DAT(other), ACL_NUM(one) * sizeof(AclItem)) == 0;
}

int Members(const Acl* acl, Oid** members) {
  *members = nullptr;
  return acl == nullptr ? 0 : aclmembers(acl, members);
}

void Replace(Relation catalog, const ObjectAddress& object, const Place& place, Acl* before, Acl* after) {
  const int width = RelationGetNumberOfAttributes(catalog);
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * width));
  auto* nulls = static_cast<bool*>(palloc0(sizeof(bool) * width));
  auto* replaced = static_cast<bool*>(palloc0(sizeof(bool) * width));
  values[place.acl - 1] = PointerGetDatum(after);
  nulls[place.acl - 1] = after == nullptr;
  replaced[place.acl - 1] = true;
  HeapTuple row = heap_modify_tuple(place.row, RelationGetDescr(catalog), values, nulls, replaced);
  CatalogTupleUpdate(catalog, &row->t_self, row);
  Oid* old_members;
  Oid* new_members;
  const int old_count = Members(before, &old_members);
  const int new_count = Members(after, &new_members);
  updateAclDependencies(object.classId, object.objectId, object.objectSubId, place.owner, old_count, old_members,
                        new_count, new_members);
  InvokeObjectPostAlterHook(object.classId, object.objectId, object.objectSubId);
}

using Check = void (*)(const ObjectAddress& object, const Place& place, const Acl* acl);

void Write(const ObjectAddress& object, Acl* acl, Check check) {
  const Place place = PlaceOf(object);
  Relation catalog = table_open(place.catalog, RowExclusiveLock);
  Acl* before = AclIn(catalog, place);
  if (!Same(before, acl)) {
    if (check != nullptr) check(object, place, acl);
    Replace(catalog, object, place, before, acl);
  }
  table_close(catalog, NoLock);
  CommandCounterIncrement();
}

/// What there is to grant on objects of users; 0: only superusers pass them on.
AclMode RightsOf(const ObjectAddress& object) {
  switch (object.classId) {
    case RelationRelationId:
      if (object.objectSubId != 0) return ACL_ALL_RIGHTS_COLUMN;
      return get_rel_relkind(object.objectId) == RELKIND_SEQUENCE ? ACL_ALL_RIGHTS_SEQUENCE : ACL_ALL_RIGHTS_RELATION;
    case ProcedureRelationId:
      return ACL_ALL_RIGHTS_FUNCTION;
    case TypeRelationId:
      return ACL_ALL_RIGHTS_TYPE;
    case NamespaceRelationId:
      return ACL_ALL_RIGHTS_SCHEMA;
    default:
      return 0;
  }
}

/// Every grantor is the owner, or somebody to whom the privilege came from the owner with the right to pass it on: another one's
/// grants could not be taken back by the owner.
bool ComesFromOwner(const Acl* acl, Oid owner) {
  List* grantors = list_make1_oid(owner);
  for (int before = 0; before != list_length(grantors);) {
    before = list_length(grantors);
    for (int i = 0; i < ACL_NUM(acl); i++) {
      const AclItem& item = ACL_DAT(acl)[i];
      if (ACLITEM_GET_GOPTIONS(item) != 0 && item.ai_grantee != ACL_ID_PUBLIC && list_member_oid(grantors, item.ai_grantor))
        grantors = list_append_unique_oid(grantors, item.ai_grantee);
    }
  }
  for (int i = 0; i < ACL_NUM(acl); i++) {
    if (!list_member_oid(grantors, ACL_DAT(acl)[i].ai_grantor)) return false;
  }
  return true;
}

/// Owners may give and take what they like, with GRANT and REVOKE too.
void RequireOwner(const ObjectAddress& object, const Place& place, const Acl* acl) {
  if (superuser()) return;
  const AclMode rights = RightsOf(object);
  bool allowed = rights != 0 && OidIsValid(place.owner) && has_privs_of_role(GetUserId(), place.owner);
  for (int i = 0; allowed && acl != nullptr && i < ACL_NUM(acl); i++) {
    const AclItem& item = ACL_DAT(acl)[i];
    allowed = ((ACLITEM_GET_PRIVS(item) | ACLITEM_GET_GOPTIONS(item)) & ~rights) == 0;
  }
  if (allowed && acl != nullptr) allowed = ComesFromOwner(acl, place.owner);
  if (!allowed)
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be owner of the object to set its privileges")));
}

/// An empty array as text has no dimension, that of a catalog has one.
Acl* Given(Acl* acl) {
  if (ARR_HASNULL(acl) || ARR_NDIM(acl) > 1 || (ARR_NDIM(acl) == 1 && ARR_LBOUND(acl)[0] != 1))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("privileges are a list without nulls")));
  return ARR_NDIM(acl) == 0 ? make_empty_acl() : acl;
}

Acl* RelationAcl(Oid relid) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for relation %u", relid);
  bool is_null = false;
  const Datum datum = SysCacheGetAttr(RELOID, row, Anum_pg_class_relacl, &is_null);
  Acl* acl = is_null ? nullptr : DatumGetAclPCopy(datum);
  ReleaseSysCache(row);
  return acl;
}

Acl* ColumnAcl(HeapTuple column) {
  bool is_null = false;
  const Datum datum = SysCacheGetAttr(ATTNUM, column, Anum_pg_attribute_attacl, &is_null);
  return is_null ? nullptr : DatumGetAclPCopy(datum);
}

int ColumnsOf(Oid relid) {
  Relation relation = RelationIdGetRelation(relid);
  const int count = RelationGetNumberOfAttributes(relation);
  RelationClose(relation);
  return count;
}

/// Columns have the same names in shard and shell, not always the same numbers.
void CopyColumnPrivileges(Oid shell, Oid shard) {
  const int count = ColumnsOf(shell);
  for (int i = 1; i <= count; i++) {
    HeapTuple column = SearchSysCache2(ATTNUM, ObjectIdGetDatum(shell), Int16GetDatum(i));
    if (!HeapTupleIsValid(column)) continue;
    auto* form = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(column));
    Acl* acl = ColumnAcl(column);
    const AttrNumber number =
        form->attisdropped ? InvalidAttrNumber : get_attnum(shard, NameStr(form->attname));
    ReleaseSysCache(column);
    if (number != InvalidAttrNumber) Write({RelationRelationId, shard, number}, acl, nullptr);
  }
}

}  // namespace

void CopyPrivileges(Oid shell, Oid shard) {
  Write({RelationRelationId, shard, 0}, RelationAcl(shell), nullptr);
  CopyColumnPrivileges(shell, shard);
}

void WithholdPrivileges(Oid relid) { Write({RelationRelationId, relid, 0}, nullptr, nullptr); }

}  // namespace altius::ddl

/// set_privileges(classid oid, objid oid, objsubid integer, privileges aclitem[]); null: the default.
ALTIUS_FUNCTION(altius_set_privileges) {
  using namespace altius::ddl;
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2)) PG_RETURN_NULL();
  const ObjectAddress object = {PG_GETARG_OID(0), PG_GETARG_OID(1), PG_GETARG_INT32(2)};
  Write(object, PG_ARGISNULL(3) ? nullptr : Given(PG_GETARG_ARRAYTYPE_P_COPY(3)), RequireOwner);
  PG_RETURN_VOID();
}
