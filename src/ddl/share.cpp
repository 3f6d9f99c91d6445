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
  if (DependsOnLocalTable(object)) return;
  List* commands = CommandsWithDependencies(object, false);
  commands = list_concat(commands, CommandsOfObject(object));
  catalog::InsertObject(object.classId, object.objectId);
  if (!HasOtherNodes()) return;
  commands = lappend(commands, catalog::InsertObjectCommand(object.classId, object.objectId));
  txn::NoteLocalWrite();
  txn::ExecuteOnOtherNodes(RunCommandsText(commands));
}

void ShareViewsOf(Oid relid) {
  check_stack_depth();
  List* views = QueryOids(R"(
SELECT DISTINCT c.oid FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND c.relkind = 'v' AND c.oid <> $1
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1 ORDER BY c.oid)",
                          {OidValue(relid)});
  ListCell* cell;
  foreach (cell, views) {
    ObjectAddress view = {};
    ObjectAddressSet(view, RelationRelationId, lfirst_oid(cell));
    if (!catalog::IsDistributedObject(view.classId, view.objectId)) ShareObject(view);
    ShareViewsOf(view.objectId);
  }
}

}  // namespace altius::ddl
