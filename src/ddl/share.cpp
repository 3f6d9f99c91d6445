// SPDX-License-Identifier: PostgreSQL
#include "share.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/txn/coordinated.hpp"
#include "dependencies.hpp"
#include "object_commands.hpp"
#include "sql.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "storage/lockdefs.h"
}

namespace altius::ddl {

bool HasOtherNodes() {
  catalog::LockNodes(RowShareLock);
  int count;
  txn::OtherGroups(&count);
  return count > 0;
}

namespace {

/// A table's owner has no power over what others have made of it, and can't wait for them.
bool StaysHere(const ObjectAddress& object) {
  const ObjectAddress missing = MissingObjectOfAnother(object);
  if (!OidIsValid(missing.objectId)) return false;
  const bool itself = missing.classId == object.classId && missing.objectId == object.objectId;
  ereport(NOTICE, (errmsg("%s stays on this node alone", getObjectDescription(&object, false)),
                   itself ? errdetail("It belongs to another role.")
                          : errdetail("It needs %s, which belongs to another role and is on this node alone.",
                                      getObjectDescription(&missing, false)),
                   errhint("It is on all nodes when its owner makes it again with CREATE OR REPLACE.")));
  return true;
}

}  // namespace

void ShareObject(const ObjectAddress& object) {
  if (!OidIsValid(object.objectId) || object.objectId < FirstNormalObjectId) return;
  const Oid space = get_object_namespace(&object);
  if (OidIsValid(space) && isAnyTempNamespace(space)) return;
  if (DependsOnLocalObject(object) || (HasOtherNodes() && StaysHere(object))) return;
  List* commands = CommandsWithDependencies(object, false);
  commands = list_concat(commands, CommandsOfObject(object));
  catalog::InsertObject(object.classId, object.objectId);
  if (!HasOtherNodes()) return;
  commands = lappend(commands, catalog::InsertObjectCommand(object.classId, object.objectId));
  txn::NoteLocalWrite();
  txn::ExecuteOnOtherNodes(RunCommandsText(commands));
}

namespace {

void ShareOnce(Oid class_id, Oid id) {
  ObjectAddress object = {};
  ObjectAddressSet(object, class_id, id);
  if (!catalog::IsDistributedObject(class_id, id)) ShareObject(object);
}

/// They were of no use to other nodes before the table was.
void ShareFunctionsOf(Oid relid) {
  List* functions = QueryOids(R"(
SELECT DISTINCT f.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_type t ON t.typrelid = c.oid
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (t.oid, t.typarray)
JOIN pg_catalog.pg_proc f ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = d.objid
WHERE c.oid = $1 AND f.prokind IN ('f', 'p') AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
  WHERE e.classid = d.classid AND e.objid = f.oid AND e.deptype = 'e') ORDER BY 1)",
                              {OidValue(relid)});
  ListCell* cell;
  foreach (cell, functions) ShareOnce(ProcedureRelationId, lfirst_oid(cell));
}

/// `seen`: views that were looked at, by whatever way they lead to the table.
void ShareUsers(Oid relid, List** seen) {
  check_stack_depth();
  ShareFunctionsOf(relid);
  List* views = QueryOids(R"(
SELECT DISTINCT c.oid FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND c.relkind = 'v' AND c.oid <> $1
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1 ORDER BY c.oid)",
                          {OidValue(relid)});
  ListCell* cell;
  foreach (cell, views) {
    if (list_member_oid(*seen, lfirst_oid(cell))) continue;
    *seen = lappend_oid(*seen, lfirst_oid(cell));
    ShareOnce(RelationRelationId, lfirst_oid(cell));
    ShareUsers(lfirst_oid(cell), seen);
  }
}

}  // namespace

void ShareUsersOf(Oid relid) {
  List* seen = NIL;
  ShareUsers(relid, &seen);
}

}  // namespace altius::ddl
