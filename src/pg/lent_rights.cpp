// SPDX-License-Identifier: PostgreSQL
// Rights for the length of a command: rows of pg_namespace and pg_type that are put back as they were before the transaction ends.
#include "altius/pg/compat.hpp"
#include "altius/pg/rights.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
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

/// What can be lent.
struct Kind {
  Oid catalog;
  int cache;
  AttrNumber acl;
  AttrNumber owner;
  ObjectType type;
  AclMode right;
};
constexpr Kind kSchema = {NamespaceRelationId, NAMESPACEOID, Anum_pg_namespace_nspacl, Anum_pg_namespace_nspowner, OBJECT_SCHEMA,
                          ACL_CREATE};
constexpr Kind kType = {TypeRelationId, TYPEOID, Anum_pg_type_typacl, Anum_pg_type_typowner, OBJECT_TYPE, ACL_USAGE};

bool May(const Kind& kind, Oid object, Oid role) {
  return kind.catalog == NamespaceRelationId ? MayCreateIn(object, role) : MayUseType(object, role);
}

/// Null: the default.
Acl* AclOf(const Kind& kind, HeapTuple tuple) {
  bool is_default;
  const Datum acl = SysCacheGetAttr(kind.cache, tuple, kind.acl, &is_default);
  return is_default ? nullptr : DatumGetAclPCopy(acl);
}

void SetAcl(const Kind& kind, Relation catalog, HeapTuple tuple, Acl* acl) {
  const int width = RelationGetNumberOfAttributes(catalog);
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * width));
  auto* nulls = static_cast<bool*>(palloc0(sizeof(bool) * width));
  auto* replaced = static_cast<bool*>(palloc0(sizeof(bool) * width));
  values[kind.acl - 1] = PointerGetDatum(acl);
  nulls[kind.acl - 1] = acl == nullptr;
  replaced[kind.acl - 1] = true;
  HeapTuple changed = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replaced);
  CatalogTupleUpdate(catalog, &tuple->t_self, changed);
  CommandCounterIncrement();
}

/// Gives the object another access list, which `change` makes of the one that it has.
template <typename Change>
void ChangeAcl(const Kind& kind, Oid object, Change change) {
  Relation catalog = table_open(kind.catalog, RowExclusiveLock);
  HeapTuple tuple = SearchSysCacheCopy1(kind.cache, ObjectIdGetDatum(object));
  if (!HeapTupleIsValid(tuple))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("schema or type with OID %u does not exist", object)));
  SetAcl(kind, catalog, tuple, change(tuple));
  table_close(catalog, RowExclusiveLock);
}

Acl* WithRight(const Kind& kind, HeapTuple tuple, Oid role) {
  bool is_null;
  const Oid owner = DatumGetObjectId(SysCacheGetAttr(kind.cache, tuple, kind.owner, &is_null));
  Acl* acl = AclOf(kind, tuple);
  AclItem item{};
  item.ai_grantee = role;
  item.ai_grantor = owner;
  ACLITEM_SET_PRIVS_GOPTIONS(item, kind.right, ACL_NO_RIGHTS);
  return aclupdate(acl != nullptr ? acl : acldefault(kind.type, owner), &item, ACL_MODECHG_ADD, owner, DROP_RESTRICT);
}

struct Lent {
  const Kind* kind;
  Oid object;
  Acl* before;  // null: the default
};

void Lend(const Kind& kind, Oid object, Oid role, List** all) {
  if (May(kind, object, role)) return;
  Watch();
  LockDatabaseObject(kind.catalog, object, 0, ShareUpdateExclusiveLock);  // one lends at a time
  if (May(kind, object, role)) return;
  auto* lent = static_cast<Lent*>(palloc0(sizeof(Lent)));
  *lent = {&kind, object, nullptr};
  ChangeAcl(kind, object, [&](HeapTuple tuple) {
    lent->before = AclOf(kind, tuple);
    return WithRight(kind, tuple, role);
  });
  *all = lappend(*all, lent);
  lent_level = GetCurrentTransactionNestLevel();
}

}  // namespace

List* LendRights(Oid schema, List* types, Oid role) {
  List* lent = NIL;
  Lend(kSchema, schema, role, &lent);
  list_sort(types, list_oid_cmp);  // sessions that lend several wait for each other in one order
  ListCell* cell;
  foreach (cell, types) {
    const Oid element = get_element_type(lfirst_oid(cell));  // arrays have no rights of their own
    Lend(kType, OidIsValid(element) ? element : lfirst_oid(cell), role, &lent);
  }
  return lent;
}

void TakeBackRights(List* all) {
  ListCell* cell;
  foreach (cell, all) {
    const auto* lent = static_cast<const Lent*>(lfirst(cell));
    ChangeAcl(*lent->kind, lent->object, [&](HeapTuple) { return lent->before; });
  }
  if (all != NIL) lent_level = 0;
}

void RefuseWhileLent() {
  if (lent_level == 0) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("a function that a table's definition calls cannot run commands while the table is made"),
                  errdetail("Its owner has no CREATE privilege on the table's schema, or no USAGE privilege on a type.")));
}

}  // namespace altius::pg
