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

void ShareObject(const ObjectAddress& object) {
  if (!OidIsValid(object.objectId) || object.objectId < FirstNormalObjectId) return;
  const Oid space = get_object_namespace(&object);
  if (OidIsValid(space) && isAnyTempNamespace(space)) return;
  if (DependsOnLocalObject(object)) return;
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

}  // namespace

void ShareUsersOf(Oid relid) {
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
    ShareOnce(RelationRelationId, lfirst_oid(cell));
    ShareUsersOf(lfirst_oid(cell));
  }
}

}  // namespace altius::ddl
