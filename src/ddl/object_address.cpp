// SPDX-License-Identifier: PostgreSQL
// PostgreSQL's grammar writes the name of one and the same object in several forms: a type is a TypeName in COMMENT and a list
// of names in ALTER .. OWNER TO, a domain's constraint has its domain as either.  get_object_address() takes one form of each
// kind and looks at nothing, so the form is told by its node here, and another one than expected is no object of ours.
#include "object_address.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::ddl {

namespace {

template <typename T>
T* If(Node* node, NodeTag tag) {
  return node != nullptr && nodeTag(node) == tag ? reinterpret_cast<T*>(node) : nullptr;
}

List* NamesIn(Node* object) { return If<List>(object, T_List); }

ObjectAddress Find(ObjectType type, Node* object, NodeTag form) {
  if (object == nullptr || nodeTag(object) != form) return InvalidObjectAddress;
  Relation relation = nullptr;
  const ObjectAddress address = get_object_address(type, object, &relation, AccessShareLock, true);
  if (relation != nullptr) table_close(relation, NoLock);
  return address;
}

ObjectAddress Relation(const RangeVar* relation, Node* object) {
  if (relation == nullptr) relation = If<RangeVar>(object, T_RangeVar);
  if (relation != nullptr) return AddressOfRelation(relation);
  List* names = NamesIn(object);
  return names == NIL ? InvalidObjectAddress : AddressOfRelation(makeRangeVarFromNameList(names));
}

/// [[schema.]relation.]column; a column alone is PostgreSQL's to complain about.
ObjectAddress RelationOfColumn(const RangeVar* relation, Node* object) {
  if (relation != nullptr) return AddressOfRelation(relation);
  List* names = NamesIn(object);
  if (list_length(names) < 2) return InvalidObjectAddress;
  return AddressOfRelation(makeRangeVarFromNameList(list_truncate(list_copy(names), list_length(names) - 1)));
}

ObjectAddress Type(ObjectType type, Node* object) {
  if (List* names = NamesIn(object)) return AddressOfType(names);
  return Find(type, object, T_TypeName);
}

/// The domain of a constraint: (TypeName, name of the constraint) in COMMENT, the domain's names alone in RENAME.
ObjectAddress DomainOfConstraint(Node* object) {
  List* parts = NamesIn(object);
  if (parts == NIL) return InvalidObjectAddress;
  Node* first = static_cast<Node*>(linitial(parts));
  if (!IsA(first, TypeName)) return AddressOfType(parts);
  return MakeAddress(TypeRelationId, LookupTypeNameOid(nullptr, reinterpret_cast<TypeName*>(first), true));
}

/// Nodes have this database in common, no other.
ObjectAddress OwnDatabase(Node* object) {
  const ObjectAddress address = Find(OBJECT_DATABASE, object, T_String);
  return address.objectId == MyDatabaseId ? address : InvalidObjectAddress;
}

}  // namespace

ObjectAddress MakeAddress(Oid class_id, Oid object_id) {
  ObjectAddress address = {};
  ObjectAddressSet(address, class_id, object_id);
  return address;
}

ObjectAddress AddressOfRelation(Oid relid) {
  if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE)
    return MakeAddress(TypeRelationId, get_rel_type_id(relid));
  return MakeAddress(RelationRelationId, relid);
}

ObjectAddress AddressOfRelation(const RangeVar* name) { return AddressOfRelation(RangeVarGetRelid(name, NoLock, true)); }

ObjectAddress AddressOfType(List* names) {
  return MakeAddress(TypeRelationId, LookupTypeNameOid(nullptr, makeTypeNameFromNameList(names), true));
}

// No default: a kind that a new version of PostgreSQL brings is a warning of the compiler.
ObjectAddress AddressOf(ObjectType type, const RangeVar* relation, Node* object) {
  switch (type) {
    case OBJECT_SCHEMA:
    case OBJECT_EXTENSION:
    case OBJECT_LANGUAGE:
    case OBJECT_FDW:
    case OBJECT_FOREIGN_SERVER:
      return Find(type, object, T_String);
    case OBJECT_DATABASE:
      return OwnDatabase(object);
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      return Type(type, object);
    case OBJECT_DOMCONSTRAINT:
      return DomainOfConstraint(object);
    case OBJECT_AGGREGATE:
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
      return Find(type, object, T_ObjectWithArgs);
    case OBJECT_COLLATION:
      return Find(type, object, T_List);
    case OBJECT_ATTRIBUTE:
    case OBJECT_COLUMN:
      return RelationOfColumn(relation, object);
    case OBJECT_TABLE:  // of a view or a sequence, too
    case OBJECT_SEQUENCE:
    case OBJECT_VIEW:
      return Relation(relation, object);
    case OBJECT_ACCESS_METHOD:
    case OBJECT_AMOP:
    case OBJECT_AMPROC:
    case OBJECT_CAST:
    case OBJECT_CONVERSION:
    case OBJECT_DEFACL:
    case OBJECT_DEFAULT:
    case OBJECT_EVENT_TRIGGER:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_INDEX:
    case OBJECT_LARGEOBJECT:
    case OBJECT_MATVIEW:
    case OBJECT_OPCLASS:
    case OBJECT_OPERATOR:
    case OBJECT_OPFAMILY:
    case OBJECT_PARAMETER_ACL:
    case OBJECT_POLICY:
    case OBJECT_PUBLICATION:
    case OBJECT_PUBLICATION_NAMESPACE:
    case OBJECT_PUBLICATION_REL:
    case OBJECT_ROLE:
    case OBJECT_RULE:
    case OBJECT_STATISTIC_EXT:
    case OBJECT_SUBSCRIPTION:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TABLESPACE:
    case OBJECT_TRANSFORM:
    case OBJECT_TRIGGER:
    case OBJECT_TSCONFIGURATION:
    case OBJECT_TSDICTIONARY:
    case OBJECT_TSPARSER:
    case OBJECT_TSTEMPLATE:
    case OBJECT_USER_MAPPING:
      return InvalidObjectAddress;
  }
  return InvalidObjectAddress;
}

}  // namespace altius::ddl
