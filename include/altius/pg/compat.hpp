// SPDX-License-Identifier: PostgreSQL
// What differs between PostgreSQL's major versions, said once.  Nothing else in the tree asks for PG_VERSION_NUM.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"
}

namespace altius::pg {

/// Raises 42P01 when the relation is gone: a regclass is a number, which outlives it.
inline void RequireRelation(Oid relid) {
  if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid))) return;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid)));
}

/// Whether the role owns the relation; raises 42P01 when it is gone, where PostgreSQL 16 has an internal error.
inline bool OwnsRelation(Oid relid, Oid role) {
  RequireRelation(relid);
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relid, role);
#else
  return pg_class_ownercheck(relid, role);
#endif
}

/// Whether the role may become the other one (SET ROLE), and make things that are its own (ALTER .. OWNER TO).
inline bool MayGiveTo(Oid role, Oid owner) {
#if PG_VERSION_NUM >= 160000
  return member_can_set_role(role, owner);
#else
  return is_member_of_role(role, owner);
#endif
}

/// Whether VACUUM and ANALYZE of the relation are the role's: those of others they leave out.
inline bool MayVacuum(Oid relid, Oid role) {
#if PG_VERSION_NUM >= 170000
  return object_ownercheck(DatabaseRelationId, MyDatabaseId, role) || pg_class_aclcheck(relid, role, ACL_MAINTAIN) == ACLCHECK_OK;
#elif PG_VERSION_NUM >= 160000
  return object_ownercheck(DatabaseRelationId, MyDatabaseId, role) || OwnsRelation(relid, role);
#else
  return pg_database_ownercheck(MyDatabaseId, role) || OwnsRelation(relid, role);
#endif
}

/// Whether the role may make things in the schema.
inline bool MayCreateIn(Oid schema, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(NamespaceRelationId, schema, role, ACL_CREATE) == ACLCHECK_OK;
#else
  return pg_namespace_aclcheck(schema, role, ACL_CREATE) == ACLCHECK_OK;
#endif
}

/// Whether the role may make things of the type.
inline bool MayUseType(Oid type, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(TypeRelationId, type, role, ACL_USAGE) == ACLCHECK_OK;
#else
  return pg_type_aclcheck(type, role, ACL_USAGE) == ACLCHECK_OK;
#endif
}

}  // namespace altius::pg
