// SPDX-License-Identifier: PostgreSQL
// Objects that are kept the same on all nodes.  A new one is described from the catalogs (so its
// definition does not depend on settings of the session) and created elsewhere with all it needs; a
// change is sent as text.
#include "altius/catalog/writer.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/task/errors.hpp"
#include "altius/txn/coordinated.hpp"
#include "addresses.hpp"
#include "checks.hpp"
#include "dependencies.hpp"
#include "object_commands.hpp"
#include "sequences.hpp"
#include "share.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

bool IsRoleCommand(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateRoleStmt:
    case T_AlterRoleStmt:
    case T_AlterRoleSetStmt:
    case T_DropRoleStmt:
    case T_GrantRoleStmt:
    case T_DropOwnedStmt:
    case T_ReassignOwnedStmt:
      return true;
    default:
      return false;
  }
}

bool HandleCreate(const UtilityCall& call) {
  if (!CreatesShared(call.statement())) return false;
  if (!catalog::IsCoordinator()) RequireCoordinator();
  Node* statement = Copy(call.statement());
  RunHere(call);
  CommandCounterIncrement();
  ShareObject(AddressCreated(statement));
  return true;
}

bool AnyShared(const pg::Array<ObjectAddress>& objects) {
  for (const ObjectAddress& object : objects) {
    if (!OidIsValid(object.objectId)) continue;
    if (object.classId == NamespaceRelationId && object.objectId == PG_PUBLIC_NAMESPACE)
      return true;
    if (catalog::IsDistributedObject(object.classId, object.objectId) ||
        (object.classId == RelationRelationId && IsSharedSequence(object.objectId)))
      return true;
  }
  return false;
}

bool IsOurs(Node* statement) {
  if (!IsA(statement, DropStmt)) return false;
  auto* drop = reinterpret_cast<DropStmt*>(statement);
  if (drop->removeType != OBJECT_EXTENSION) return false;
  ListCell* cell;
  foreach (cell, drop->objects)
    if (catalog::IsOwnExtensionName(strVal(lfirst(cell)))) return true;
  return false;
}

bool HandleChange(const UtilityCall& call) {
  if (IsOurs(call.statement())) return false;
  if (!IsRoleCommand(call.statement()) && !AnyShared(AddressesOf(call.statement()))) return false;
  RequireCoordinator();
  const char* command = CommandText(call);
  const char* message = ApplyText(command);
  task::WithShardsHidden(nullptr, [&] { RunHere(call); });
  if (HasOtherNodes()) SpreadCommand(message, NIL, command);
  return true;
}

}  // namespace

bool HandleObject(const UtilityCall& call) { return HandleCreate(call) || HandleChange(call); }

}  // namespace altius::ddl
