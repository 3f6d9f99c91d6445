// SPDX-License-Identifier: PostgreSQL
// The right to make things in a schema, for the length of a command: a row of pg_namespace that is put back as it was before the
// transaction ends.
#include "altius/pg/compat.hpp"
#include "altius/pg/rights.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_namespace.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace altius::pg {

namespace {

int lent_level = 0;  // of transactions; 0: nothing is lent

void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT) lent_level = 0;
}

void OnSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB && lent_level >= GetCurrentTransactionNestLevel()) lent_level = 0;
}

void Watch() {
  static bool watching = false;
  if (watching) return;
  watching = true;
  RegisterXactCallback(OnTransaction, nullptr);
  RegisterSubXactCallback(OnSubtransaction, nullptr);
}

/// Null: the default.
Acl* AclOf(HeapTuple tuple) {
  bool is_default;
  const Datum acl = SysCacheGetAttr(NAMESPACEOID, tuple, Anum_pg_namespace_nspacl, &is_default);
  return is_default ? nullptr : DatumGetAclPCopy(acl);
}

void SetAcl(Relation catalog, HeapTuple tuple, Acl* acl) {
  Datum values[Natts_pg_namespace] = {};
  bool nulls[Natts_pg_namespace] = {};
  bool replaced[Natts_pg_namespace] = {};
  const int column = Anum_pg_namespace_nspacl - 1;
  values[column] = PointerGetDatum(acl);
  nulls[column] = acl == nullptr;
  replaced[column] = true;
  HeapTuple changed = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replaced);
  CatalogTupleUpdate(catalog, &tuple->t_self, changed);
  CommandCounterIncrement();
}

/// Gives the schema another access list, which `change` makes of the one that it has.
template <typename Change>
void ChangeAcl(Oid schema, Change change) {
  Relation catalog = table_open(NamespaceRelationId, RowExclusiveLock);
  HeapTuple tuple = SearchSysCacheCopy1(NAMESPACEOID, ObjectIdGetDatum(schema));
  if (!HeapTupleIsValid(tuple))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("schema with OID %u does not exist", schema)));
  SetAcl(catalog, tuple, change(tuple));
  table_close(catalog, RowExclusiveLock);
}

Acl* WithCreate(HeapTuple tuple, Oid role) {
  const Oid owner = reinterpret_cast<Form_pg_namespace>(GETSTRUCT(tuple))->nspowner;
  Acl* acl = AclOf(tuple);
  AclItem item{};
  item.ai_grantee = role;
  item.ai_grantor = owner;
  ACLITEM_SET_PRIVS_GOPTIONS(item, ACL_CREATE, ACL_NO_RIGHTS);
  return aclupdate(acl != nullptr ? acl : acldefault(OBJECT_SCHEMA, owner), &item, ACL_MODECHG_ADD, owner, DROP_RESTRICT);
}

}  // namespace

LentSchema LendSchema(Oid schema, Oid role) {
  LentSchema lent{};
  if (MayCreateIn(schema, role)) return lent;
  Watch();
  LockDatabaseObject(NamespaceRelationId, schema, 0, ShareUpdateExclusiveLock);  // one lends at a time
  if (MayCreateIn(schema, role)) return lent;
  lent.schema = schema;
  ChangeAcl(schema, [&](HeapTuple tuple) {
    lent.before = AclOf(tuple);
    return WithCreate(tuple, role);
  });
  lent_level = GetCurrentTransactionNestLevel();
  return lent;
}

void TakeBackSchema(const LentSchema& lent) {
  if (!OidIsValid(lent.schema)) return;
  ChangeAcl(lent.schema, [&](HeapTuple) { return lent.before; });
  lent_level = 0;
}

void RefuseWhileLent() {
  if (lent_level == 0) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("a function that a table's definition calls cannot run commands while the table is made"),
                  errdetail("Its owner has no CREATE privilege on the table's schema.")));
}

}  // namespace altius::pg
