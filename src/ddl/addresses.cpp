// SPDX-License-Identifier: PostgreSQL
#include "addresses.hpp"

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "access/table.h"
}

namespace altius::ddl {

namespace {

template <typename T>
T* As(Node* node) {
  return reinterpret_cast<T*>(node);
}

ObjectAddress Make(Oid class_id, Oid object_id) {
  ObjectAddress address = {};
  ObjectAddressSet(address, class_id, object_id);
  return address;
}

/// The object by its name; invalid when it is not there.
ObjectAddress Find(ObjectType type, Node* object) {
  Relation relation = nullptr;
  const ObjectAddress address = get_object_address(type, object, &relation, AccessShareLock, true);
  if (relation != nullptr) table_close(relation, NoLock);
  return address;
}

ObjectAddress FindRelation(const RangeVar* name) {
  return Make(RelationRelationId, RangeVarGetRelid(name, NoLock, true));
}

ObjectAddress FindType(List* names) {
  return Make(TypeRelationId, LookupTypeNameOid(nullptr, makeTypeNameFromNameList(names), true));
}

/// The name with the schema that CREATE puts it in, where PostgreSQL may have an object of that name, too.
List* Created(List* names) {
  char* name;
  const Oid schema = QualifiedNameGetCreationNamespace(names, &name);
  return list_make2(makeString(get_namespace_name(schema)), makeString(name));
}

ObjectAddress FindCreated(const RangeVar* name) {
  return Make(RelationRelationId, get_relname_relid(name->relname, RangeVarGetCreationNamespace(name)));
}

ObjectWithArgs* Signature(CreateFunctionStmt* create) {
  ObjectWithArgs* signature = makeNode(ObjectWithArgs);
  signature->objname = Created(create->funcname);
  ListCell* cell;
  foreach (cell, create->parameters) {
    auto* parameter = lfirst_node(FunctionParameter, cell);
    if (parameter->mode == FUNC_PARAM_TABLE) continue;
    if (parameter->mode == FUNC_PARAM_OUT && !create->is_procedure) continue;
    signature->objargs = lappend(signature->objargs, parameter->argType);
  }
  return signature;
}

/// CREATE AGGREGATE name (args): the newest aggregate of that name and these types.
ObjectAddress FindAggregate(DefineStmt* define) {
  ObjectWithArgs* signature = makeNode(ObjectWithArgs);
  signature->objname = Created(define->defnames);
  if (define->oldstyle || define->args == NIL) return Make(ProcedureRelationId, InvalidOid);
  ListCell* cell;
  foreach (cell, linitial_node(List, define->args))
    signature->objargs = lappend(signature->objargs, lfirst_node(FunctionParameter, cell)->argType);
  return Find(OBJECT_AGGREGATE, reinterpret_cast<Node*>(signature));
}

bool IsTemporary(const RangeVar* name) {
  return name->relpersistence == RELPERSISTENCE_TEMP ||
         (name->schemaname != nullptr && strcmp(name->schemaname, "pg_temp") == 0);
}

void AddEach(pg::Array<ObjectAddress>* addresses, ObjectType type, List* objects) {
  ListCell* cell;
  foreach (cell, objects) {
    Node* object = static_cast<Node*>(lfirst(cell));
    addresses->push_back(IsA(object, RangeVar) ? FindRelation(As<RangeVar>(object))
                                               : Find(type, object));
  }
}

/// Kinds whose objects all nodes have in common.
bool IsSharedKind(ObjectType type) {
  switch (type) {
    case OBJECT_SCHEMA:
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
    case OBJECT_DOMCONSTRAINT:
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_AGGREGATE:
    case OBJECT_SEQUENCE:
    case OBJECT_VIEW:
    case OBJECT_COLLATION:
    case OBJECT_EXTENSION:
      return true;
    default:
      return false;
  }
}

ObjectAddress FindRenamed(RenameStmt* rename) {
  switch (rename->renameType) {
    case OBJECT_VIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_ATTRIBUTE:
      return FindRelation(rename->relation);
    case OBJECT_COLUMN:
      return rename->relationType == OBJECT_VIEW ? FindRelation(rename->relation)
                                                 : InvalidObjectAddress;
    case OBJECT_SCHEMA:
      return Make(NamespaceRelationId, get_namespace_oid(rename->subname, true));
    case OBJECT_DOMCONSTRAINT:
      return FindType(castNode(List, rename->object));
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      return FindType(castNode(List, rename->object));
    default:
      return IsSharedKind(rename->renameType) && rename->object != nullptr
                 ? Find(rename->renameType, rename->object)
                 : InvalidObjectAddress;
  }
}

/// A composite type is known by its type, not by its relation.
ObjectAddress Normal(ObjectAddress address) {
  if (address.classId != RelationRelationId || !OidIsValid(address.objectId)) return address;
  if (get_rel_relkind(address.objectId) != RELKIND_COMPOSITE_TYPE) return address;
  return Make(TypeRelationId, get_rel_type_id(address.objectId));
}

void AddGranted(pg::Array<ObjectAddress>* addresses, GrantStmt* grant) {
  if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
    return AddEach(addresses, OBJECT_SCHEMA, grant->objects);
  if (grant->targtype != ACL_TARGET_OBJECT) return;
  switch (grant->objtype) {
    case OBJECT_TABLE:
    case OBJECT_SEQUENCE:
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_SCHEMA:
      return AddEach(addresses, grant->objtype, grant->objects);
    case OBJECT_TYPE:
    case OBJECT_DOMAIN: {
      ListCell* cell;
      foreach (cell, grant->objects) addresses->push_back(FindType(lfirst_node(List, cell)));
      return;
    }
    default:
      return;
  }
}

/// The objects of a DROP.
void AddDropped(pg::Array<ObjectAddress>* addresses, DropStmt* drop) {
  if (!IsSharedKind(drop->removeType)) return;
  if (drop->removeType != OBJECT_VIEW && drop->removeType != OBJECT_SEQUENCE) {
    return AddEach(addresses, drop->removeType, drop->objects);
  }
  ListCell* cell;
  foreach (cell, drop->objects) {
    addresses->push_back(FindRelation(makeRangeVarFromNameList(lfirst_node(List, cell))));
  }
}

}  // namespace

ObjectAddress AddressCreated(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateSchemaStmt: {
      auto* create = As<CreateSchemaStmt>(statement);
      const char* name = create->schemaname;
      if (name == nullptr && create->authrole != nullptr)
        name = get_rolespec_name(create->authrole);
      return Make(NamespaceRelationId, get_namespace_oid(name, true));
    }
    case T_CreateEnumStmt:
      return FindType(Created(As<CreateEnumStmt>(statement)->typeName));
    case T_CreateRangeStmt:
      return FindType(Created(As<CreateRangeStmt>(statement)->typeName));
    case T_CompositeTypeStmt:
      return Normal(FindCreated(As<CompositeTypeStmt>(statement)->typevar));
    case T_CreateDomainStmt:
      return FindType(Created(As<CreateDomainStmt>(statement)->domainname));
    case T_CreateFunctionStmt: {
      auto* create = As<CreateFunctionStmt>(statement);
      return Find(create->is_procedure ? OBJECT_PROCEDURE : OBJECT_FUNCTION,
                  reinterpret_cast<Node*>(Signature(create)));
    }
    case T_DefineStmt: {
      auto* define = As<DefineStmt>(statement);
      if (define->kind == OBJECT_COLLATION)
        return Find(OBJECT_COLLATION, reinterpret_cast<Node*>(Created(define->defnames)));
      return FindAggregate(define);
    }
    case T_CreateSeqStmt:
      return FindCreated(As<CreateSeqStmt>(statement)->sequence);
    case T_ViewStmt:
      return FindCreated(As<ViewStmt>(statement)->view);
    case T_CreateExtensionStmt:
      return Make(ExtensionRelationId,
                  get_extension_oid(As<CreateExtensionStmt>(statement)->extname, true));
    default:
      return InvalidObjectAddress;
  }
}

bool CreatesShared(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateSchemaStmt:
    case T_CreateEnumStmt:
    case T_CreateRangeStmt:
    case T_CompositeTypeStmt:
    case T_CreateDomainStmt:
    case T_CreateFunctionStmt:
      return true;
    case T_CreateExtensionStmt:
      return !catalog::IsOwnExtensionName(As<CreateExtensionStmt>(statement)->extname);
    case T_DefineStmt: {
      const ObjectType kind = As<DefineStmt>(statement)->kind;
      return kind == OBJECT_COLLATION || kind == OBJECT_AGGREGATE;
    }
    case T_CreateSeqStmt:
      return !IsTemporary(As<CreateSeqStmt>(statement)->sequence);
    case T_ViewStmt:
      return !IsTemporary(As<ViewStmt>(statement)->view);
    default:
      return false;
  }
}

pg::Array<ObjectAddress> AddressesOf(Node* statement) {
  pg::Array<ObjectAddress> found;
  switch (nodeTag(statement)) {
    case T_DropStmt:
      AddDropped(&found, As<DropStmt>(statement));
      break;
    case T_RenameStmt:
      found.push_back(FindRenamed(As<RenameStmt>(statement)));
      break;
    case T_AlterOwnerStmt: {
      auto* alter = As<AlterOwnerStmt>(statement);
      if (IsSharedKind(alter->objectType)) found.push_back(Find(alter->objectType, alter->object));
      break;
    }
    case T_AlterObjectSchemaStmt: {
      auto* alter = As<AlterObjectSchemaStmt>(statement);
      if (alter->relation != nullptr)
        found.push_back(FindRelation(alter->relation));
      else if (IsSharedKind(alter->objectType))
        found.push_back(Find(alter->objectType, alter->object));
      break;
    }
    case T_AlterEnumStmt:
      found.push_back(FindType(As<AlterEnumStmt>(statement)->typeName));
      break;
    case T_AlterTypeStmt:
      found.push_back(FindType(As<AlterTypeStmt>(statement)->typeName));
      break;
    case T_AlterDomainStmt:
      found.push_back(FindType(As<AlterDomainStmt>(statement)->typeName));
      break;
    case T_AlterFunctionStmt: {
      auto* alter = As<AlterFunctionStmt>(statement);
      found.push_back(Find(alter->objtype, reinterpret_cast<Node*>(alter->func)));
      break;
    }
    case T_AlterSeqStmt:
      found.push_back(FindRelation(As<AlterSeqStmt>(statement)->sequence));
      break;
    case T_AlterTableStmt: {
      auto* alter = As<AlterTableStmt>(statement);
      if (alter->objtype != OBJECT_TABLE && alter->objtype != OBJECT_INDEX)
        found.push_back(FindRelation(alter->relation));
      break;
    }
    case T_AlterExtensionStmt:
      found.push_back(Make(ExtensionRelationId,
                           get_extension_oid(As<AlterExtensionStmt>(statement)->extname, true)));
      break;
    case T_GrantStmt:
      AddGranted(&found, As<GrantStmt>(statement));
      break;
    case T_CommentStmt: {
      auto* comment = As<CommentStmt>(statement);
      if (IsSharedKind(comment->objtype)) found.push_back(Find(comment->objtype, comment->object));
      break;
    }
    default:
      break;
  }
  for (ObjectAddress& address : found) address = Normal(address);
  return found;
}

}  // namespace altius::ddl
