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
#include "key_types.hpp"
#include "object_commands.hpp"
#include "sequences.hpp"
#include "share.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

/// About roles or the server as a whole: every node follows.
bool IsForAllNodes(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateRoleStmt:
    case T_AlterRoleStmt:
    case T_AlterRoleSetStmt:
    case T_DropRoleStmt:
    case T_GrantRoleStmt:
    case T_DropOwnedStmt:
    case T_ReassignOwnedStmt:
    case T_AlterDefaultPrivilegesStmt:
      return true;
    case T_RenameStmt:
      return reinterpret_cast<RenameStmt*>(statement)->renameType == OBJECT_ROLE;
    case T_GrantStmt:
      return reinterpret_cast<GrantStmt*>(statement)->objtype == OBJECT_PARAMETER_ACL;
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

bool IsShared(const ObjectAddress& object) {
  if (!OidIsValid(object.objectId)) return false;
  if (object.classId == NamespaceRelationId && object.objectId == PG_PUBLIC_NAMESPACE) return true;
  return catalog::IsDistributedObject(object.classId, object.objectId) ||
         (object.classId == RelationRelationId && IsSharedSequence(object.objectId));
}

bool AnyShared(const pg::Array<ObjectAddress>& objects) {
  for (const ObjectAddress& object : objects) {
    if (IsShared(object)) return true;
  }
  return false;
}

/// Besides what the cluster shares every node has its own of what initdb and extensions made, and of
/// this database.  They have one owner and one set of privileges, too.
bool IsOnEveryNode(const ObjectAddress& object) {
  if (!OidIsValid(object.objectId)) return false;
  if (object.classId == DatabaseRelationId) return object.objectId == MyDatabaseId;
  if (object.objectId < FirstNormalObjectId || IsShared(object)) return true;
  const Oid extension = getExtensionOfObject(object.classId, object.objectId);
  return OidIsValid(extension) &&
         (extension == catalog::OwnExtension() || catalog::IsDistributedObject(ExtensionRelationId, extension));
}

bool IsShared(Node* statement, const pg::Array<ObjectAddress>& objects) {
  if (IsForAllNodes(statement)) return true;
  if (!IsA(statement, GrantStmt) && !IsA(statement, AlterOwnerStmt)) return AnyShared(objects);
  for (const ObjectAddress& object : objects) {
    if (IsOnEveryNode(object)) return true;
  }
  return false;
}

const char* KindDropped(ObjectType type) {
  switch (type) {
    case OBJECT_VIEW:
      return "VIEW";
    case OBJECT_SEQUENCE:
      return "SEQUENCE";
    case OBJECT_TYPE:
      return "TYPE";
    case OBJECT_DOMAIN:
      return "DOMAIN";
    case OBJECT_COLLATION:
      return "COLLATION";
    case OBJECT_SCHEMA:
      return "SCHEMA";
    case OBJECT_EXTENSION:
      return "EXTENSION";
    default:
      return "ROUTINE";
  }
}

/// What other nodes are told to drop: a name that stands for an object of this node alone could be
/// that of something else there.
const char* DropCommand(const DropStmt* drop, const pg::Array<ObjectAddress>& objects) {
  StringInfoData text;
  initStringInfo(&text);
  const char* separator = " IF EXISTS ";
  appendStringInfo(&text, "DROP %s", KindDropped(drop->removeType));
  for (const ObjectAddress& object : objects) {
    if (!IsShared(object)) continue;
    appendStringInfo(&text, "%s%s", separator, getObjectIdentity(&object, false));
    separator = ", ";
  }
  if (drop->behavior == DROP_CASCADE) appendStringInfoString(&text, " CASCADE");
  return text.data;
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

const char* ChangeText(const UtilityCall& call, const pg::Array<ObjectAddress>& objects) {
  if (IsA(call.statement(), DropStmt)) return DropCommand(reinterpret_cast<DropStmt*>(call.statement()), objects);
  return CommandText(call);
}

bool HandleChange(const UtilityCall& call) {
  if (IsOurs(call.statement())) return false;
  const pg::Array<ObjectAddress> objects = AddressesOf(call.statement());
  if (!IsShared(call.statement(), objects)) return false;
  RequireCoordinator();
  CheckTypeChange(call.statement());
  const char* command = ChangeText(call, objects);
  const char* message = ApplyText(command);
  task::WithShardsHidden(nullptr, [&] { RunHere(call); });
  if (!HasOtherNodes()) return true;
  if (SetsPassword(call.statement())) {
    SpreadPassword(call);
  } else {
    SpreadCommand(message, NIL, command);
  }
  return true;
}

}  // namespace

bool HandleObject(const UtilityCall& call) { return HandleCreate(call) || HandleChange(call); }

}  // namespace altius::ddl
