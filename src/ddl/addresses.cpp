// SPDX-License-Identifier: PostgreSQL
#include "addresses.hpp"

#include "altius/catalog/metadata.hpp"
#include "object_address.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

template <typename T>
T* As(Node* node) {
  return reinterpret_cast<T*>(node);
}

/// The name with the schema that CREATE puts it in, where PostgreSQL may have an object of that name, too.
List* Created(List* names) {
  char* name;
  const Oid schema = QualifiedNameGetCreationNamespace(names, &name);
  return list_make2(makeString(get_namespace_name(schema)), makeString(name));
}

ObjectAddress FindCreated(const RangeVar* name) {
  return AddressOfRelation(get_relname_relid(name->relname, RangeVarGetCreationNamespace(name)));
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
  if (define->oldstyle || define->args == NIL) return MakeAddress(ProcedureRelationId, InvalidOid);
  ListCell* cell;
  foreach (cell, linitial_node(List, define->args))
    signature->objargs = lappend(signature->objargs, lfirst_node(FunctionParameter, cell)->argType);
  return AddressOf(OBJECT_AGGREGATE, nullptr, reinterpret_cast<Node*>(signature));
}

bool IsTemporary(const RangeVar* name) {
  return name->relpersistence == RELPERSISTENCE_TEMP ||
         (name->schemaname != nullptr && strcmp(name->schemaname, "pg_temp") == 0);
}

void AddEach(pg::Array<ObjectAddress>* addresses, ObjectType type, List* objects) {
  ListCell* cell;
  foreach (cell, objects) addresses->push_back(AddressOf(type, nullptr, static_cast<Node*>(lfirst(cell))));
}

/// The names of schemas stand in a field of their own.
ObjectAddress FindRenamed(RenameStmt* rename) {
  if (rename->renameType == OBJECT_SCHEMA)
    return MakeAddress(NamespaceRelationId, get_namespace_oid(rename->subname, true));
  return AddressOf(rename->renameType, rename->relation, rename->object);
}

/// One object of GRANT or REVOKE.
ObjectAddress FindGranted(const GrantStmt* grant, Node* object) {
  if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA) return AddressOf(OBJECT_SCHEMA, nullptr, object);
  if (grant->targtype != ACL_TARGET_OBJECT) return InvalidObjectAddress;
  return AddressOf(grant->objtype, nullptr, object);
}

void AddGranted(pg::Array<ObjectAddress>* addresses, GrantStmt* grant) {
  ListCell* cell;
  foreach (cell, grant->objects) addresses->push_back(FindGranted(grant, static_cast<Node*>(lfirst(cell))));
}

}  // namespace

bool KeepGranted(GrantStmt* grant) {
  if (grant->targtype != ACL_TARGET_OBJECT || grant->objtype == OBJECT_PARAMETER_ACL) return true;
  List* known = NIL;
  ListCell* cell;
  foreach (cell, grant->objects) {
    Node* object = static_cast<Node*>(lfirst(cell));
    if (OidIsValid(FindGranted(grant, object).objectId)) known = lappend(known, object);
  }
  grant->objects = known;
  return known != NIL;
}

ObjectAddress AddressCreated(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateSchemaStmt: {
      auto* create = As<CreateSchemaStmt>(statement);
      const char* name = create->schemaname;
      if (name == nullptr && create->authrole != nullptr)
        name = get_rolespec_name(create->authrole);
      return MakeAddress(NamespaceRelationId, get_namespace_oid(name, true));
    }
    case T_CreateEnumStmt:
      return AddressOfType(Created(As<CreateEnumStmt>(statement)->typeName));
    case T_CreateRangeStmt:
      return AddressOfType(Created(As<CreateRangeStmt>(statement)->typeName));
    case T_CompositeTypeStmt:
      return FindCreated(As<CompositeTypeStmt>(statement)->typevar);
    case T_CreateDomainStmt:
      return AddressOfType(Created(As<CreateDomainStmt>(statement)->domainname));
    case T_CreateFunctionStmt: {
      auto* create = As<CreateFunctionStmt>(statement);
      return AddressOf(create->is_procedure ? OBJECT_PROCEDURE : OBJECT_FUNCTION, nullptr,
                       reinterpret_cast<Node*>(Signature(create)));
    }
    case T_DefineStmt: {
      auto* define = As<DefineStmt>(statement);
      if (define->kind == OBJECT_COLLATION)
        return AddressOf(OBJECT_COLLATION, nullptr, reinterpret_cast<Node*>(Created(define->defnames)));
      return FindAggregate(define);
    }
    case T_CreateSeqStmt:
      return FindCreated(As<CreateSeqStmt>(statement)->sequence);
    case T_ViewStmt:
      return FindCreated(As<ViewStmt>(statement)->view);
    case T_CreateExtensionStmt:
      return MakeAddress(ExtensionRelationId,
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
      AddEach(&found, As<DropStmt>(statement)->removeType, As<DropStmt>(statement)->objects);
      break;
    case T_RenameStmt:
      found.push_back(FindRenamed(As<RenameStmt>(statement)));
      break;
    case T_AlterOwnerStmt: {
      auto* alter = As<AlterOwnerStmt>(statement);
      found.push_back(AddressOf(alter->objectType, alter->relation, alter->object));
      break;
    }
    case T_AlterObjectSchemaStmt: {
      auto* alter = As<AlterObjectSchemaStmt>(statement);
      found.push_back(AddressOf(alter->objectType, alter->relation, alter->object));
      break;
    }
    case T_AlterObjectDependsStmt: {
      auto* alter = As<AlterObjectDependsStmt>(statement);
      found.push_back(AddressOf(alter->objectType, alter->relation, alter->object));
      break;
    }
    case T_AlterEnumStmt:
      found.push_back(AddressOfType(As<AlterEnumStmt>(statement)->typeName));
      break;
    case T_AlterTypeStmt:
      found.push_back(AddressOfType(As<AlterTypeStmt>(statement)->typeName));
      break;
    case T_AlterDomainStmt:
      found.push_back(AddressOfType(As<AlterDomainStmt>(statement)->typeName));
      break;
    case T_AlterFunctionStmt: {
      auto* alter = As<AlterFunctionStmt>(statement);
      found.push_back(AddressOf(alter->objtype, nullptr, reinterpret_cast<Node*>(alter->func)));
      break;
    }
    case T_AlterSeqStmt:
      found.push_back(AddressOfRelation(As<AlterSeqStmt>(statement)->sequence));
      break;
    case T_AlterTableStmt:
      found.push_back(AddressOfRelation(As<AlterTableStmt>(statement)->relation));
      break;
    case T_AlterExtensionStmt: {
      auto* alter = As<AlterExtensionStmt>(statement);
      found.push_back(MakeAddress(ExtensionRelationId, get_extension_oid(alter->extname, true)));
      break;
    }
    case T_GrantStmt:
      AddGranted(&found, As<GrantStmt>(statement));
      break;
    case T_CommentStmt: {
      auto* comment = As<CommentStmt>(statement);
      found.push_back(AddressOf(comment->objtype, nullptr, comment->object));
      break;
    }
    default:
      break;
  }
  return found;
}

}  // namespace altius::ddl
