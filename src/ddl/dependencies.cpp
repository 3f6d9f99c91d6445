// SPDX-License-Identifier: PostgreSQL
// The closure of what tables need, in an order in which it can be created: a depth-first walk over
// pg_depend.
#include "altius/catalog/writer.hpp"
#include "altius/ddl/objects.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/pg/compat.hpp"
#include "dependencies.hpp"
#include "object_commands.hpp"
#include "privileges.hpp"
#include "sql.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

// What the object, or a part of it, depends on, reduced to what one can create: element types of
// arrays, ranges of multiranges, tables of row types, extensions of their members.  Foreign keys
// are left out (they are added last).
constexpr const char* kDependencies = R"(
WITH parts AS (
  SELECT $1::oid AS classid, $2::oid AS objid
  UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE $1 = 'pg_class'::regclass AND adrelid = $2
  UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint
    WHERE (($1 = 'pg_class'::regclass AND conrelid = $2) OR ($1 = 'pg_type'::regclass AND contypid = $2)) AND contype <> 'f'
  UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE $1 = 'pg_class'::regclass AND indrelid = $2
  UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE $1 = 'pg_class'::regclass AND polrelid = $2
  UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger
    WHERE $1 = 'pg_class'::regclass AND tgrelid = $2 AND NOT tgisinternal
  UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE $1 = 'pg_class'::regclass AND ev_class = $2
  UNION ALL SELECT 'pg_class'::regclass, typrelid FROM pg_type
    WHERE $1 = 'pg_type'::regclass AND oid = $2 AND typrelid <> 0
), direct AS (
  SELECT DISTINCT refclassid, refobjid FROM pg_depend d JOIN parts USING (classid, objid)
  WHERE deptype IN ('n', 'a') AND refobjid >= 16384
  UNION SELECT 'pg_class'::regclass, inhparent FROM pg_inherits WHERE $1 = 'pg_class'::regclass AND inhrelid = $2
), typed AS (
  SELECT refclassid, refobjid, t.* FROM direct LEFT JOIN LATERAL (
    SELECT coalesce(r.rngtypid, nullif(e.oid, 0), b.oid) AS type, coalesce(e.typrelid, b.typrelid) AS row_of
    FROM pg_type b LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
    LEFT JOIN pg_range r ON r.rngmultitypid = coalesce(e.oid, b.oid)
    WHERE refclassid = 'pg_type'::regclass AND b.oid = refobjid) t ON true
), reduced AS (
  SELECT CASE WHEN relkind IS DISTINCT FROM 'c' AND row_of <> 0 THEN 'pg_class'::regclass::oid ELSE refclassid END AS class,
         CASE WHEN relkind IS DISTINCT FROM 'c' AND row_of <> 0 THEN row_of ELSE coalesce(type, refobjid) END AS object
  FROM typed LEFT JOIN pg_class c ON c.oid = row_of
), plain AS (
  SELECT DISTINCT CASE WHEN class = 'pg_attrdef'::regclass THEN 'pg_class'::regclass::oid ELSE class END AS class,
    CASE WHEN class = 'pg_attrdef'::regclass THEN (SELECT adrelid FROM pg_attrdef WHERE oid = object) ELSE object END AS object
  FROM reduced
)
SELECT DISTINCT coalesce(e.refclassid, class)::oid, coalesce(e.refobjid, object)::oid
FROM plain LEFT JOIN pg_depend e ON e.classid = class AND e.objid = object AND e.deptype = 'e'
WHERE (coalesce(e.refclassid, class), coalesce(e.refobjid, object)) <> ($1, $2)
ORDER BY 1, 2)";

Oid OidOf(const char* text_value) { return static_cast<Oid>(strtoul(text_value, nullptr, 10)); }

bool Contains(const pg::Array<ObjectAddress>& objects, const ObjectAddress& object) {
  for (const ObjectAddress& other : objects)
    if (other.classId == object.classId && other.objectId == object.objectId) return true;
  return false;
}

struct Walk {
  pg::Array<ObjectAddress> seen;
  pg::Array<ObjectAddress> ordered;
};

ObjectAddress AddressOf(Oid class_id, Oid object_id) {
  ObjectAddress address = {};
  ObjectAddressSet(address, class_id, object_id);
  return address;
}

pg::Array<ObjectAddress> DirectDependencies(const ObjectAddress& object) {
  pg::Array<ObjectAddress> found;
  const int level = BeginQualifiedNames();
  ListCell* cell;
  foreach (cell, QueryRows(kDependencies, {OidValue(object.classId), OidValue(object.objectId)})) {
    char** row = static_cast<char**>(lfirst(cell));
    found.push_back(AddressOf(OidOf(row[0]), OidOf(row[1])));
  }
  EndQualifiedNames(level);
  return found;
}

void Visit(Walk* walk, const ObjectAddress& object) {
  check_stack_depth();
  if (object.objectId < FirstNormalObjectId || Contains(walk->seen, object)) return;
  walk->seen.push_back(object);
  if (object.classId != ExtensionRelationId)
    for (const ObjectAddress& needed : DirectDependencies(object)) Visit(walk, needed);
  walk->ordered.push_back(object);
}

bool IsTable(const ObjectAddress& object) {
  if (object.classId != RelationRelationId) return false;
  const char kind = get_rel_relkind(object.objectId);
  return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
         kind == RELKIND_FOREIGN_TABLE || kind == RELKIND_MATVIEW;
}

/// Kinds of objects that stay on the node where a user makes them; those of an extension come with it.
bool IsNotCarried(const ObjectAddress& object) {
  switch (object.classId) {
    case OperatorRelationId:
    case OperatorClassRelationId:
    case OperatorFamilyRelationId:
    case CastRelationId:
    case TSConfigRelationId:
    case TSDictionaryRelationId:
    case AccessMethodRelationId:
    case LanguageRelationId:
    case ForeignServerRelationId:
      return true;
    case TypeRelationId: {  // of C functions, or not yet defined
      const char kind = get_typtype(object.objectId);
      return kind == TYPTYPE_BASE || kind == TYPTYPE_PSEUDO;
    }
    default:
      return false;
  }
}

bool IsOurExtension(const ObjectAddress& object) {
  return object.classId == ExtensionRelationId && object.objectId == catalog::OwnExtension();
}

/// Each foreign key of the table that is not there yet.
List* ForeignKeysIfMissing(Oid relid) {
  const int level = BeginQualifiedNames();
  List* rows = QueryRows(R"(
SELECT format('NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = %L::regclass AND conname = %L)',
              conrelid::regclass, conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1 AND contype = 'f' AND conparentid = 0 ORDER BY conname)",
                         {OidValue(relid)});
  EndQualifiedNames(level);
  List* commands = NIL;
  ListCell* cell;
  foreach (cell, rows) {
    char** row = static_cast<char**>(lfirst(cell));
    commands = list_concat(commands, CommandsForTable(relid, list_make1(row[1]), row[0]));
  }
  return commands;
}

}  // namespace

bool DependsOnLocalObject(const ObjectAddress& object) {
  Walk walk = {};
  Visit(&walk, object);
  for (const ObjectAddress& needed : walk.ordered) {
    if (IsNotCarried(needed)) return true;
    if (needed.objectId == object.objectId) continue;
    if (IsTable(needed) && catalog::FindTable(needed.objectId) == nullptr) return true;
    if (needed.classId == RelationRelationId &&
        get_rel_persistence(needed.objectId) == RELPERSISTENCE_TEMP)
      return true;
  }
  return false;
}

namespace {

/// PostgreSQL notes no owner where it is the bootstrap superuser.
Oid OwnerOf(const ObjectAddress& object) {
  const char* owner = QueryText(R"(
SELECT refobjid FROM pg_catalog.pg_shdepend WHERE classid = $1 AND objid = $2 AND objsubid = 0 AND deptype = 'o'
  AND dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))",
                                {OidValue(object.classId), OidValue(object.objectId)});
  return owner == nullptr ? BOOTSTRAP_SUPERUSERID : OidOf(owner);
}

}  // namespace

ObjectAddress MissingObjectOfAnother(const ObjectAddress& object) {
  if (superuser()) return InvalidObjectAddress;
  Walk walk = {};
  Visit(&walk, object);
  for (const ObjectAddress& needed : walk.ordered) {
    if (IsTable(needed) || IsOurExtension(needed) || catalog::IsDistributedObject(needed.classId, needed.objectId)) continue;
    if (!pg::MayGiveTo(GetUserId(), OwnerOf(needed))) return needed;
  }
  return InvalidObjectAddress;
}

List* CommandsWithDependencies(const ObjectAddress& object, bool itself) {
  Walk walk = {};
  Visit(&walk, object);
  List* commands = NIL;
  for (const ObjectAddress& needed : walk.ordered) {
    if (!itself && needed.classId == object.classId && needed.objectId == object.objectId) continue;
    if (IsTable(needed) || catalog::IsDistributedObject(needed.classId, needed.objectId)) continue;
    if (IsOurExtension(needed)) continue;
    List* made = CommandsOfObject(needed);
    if (made == NIL) continue;
    commands = list_concat(commands, made);
    catalog::InsertObject(needed.classId, needed.objectId);
    commands = lappend(commands, catalog::InsertObjectCommand(needed.classId, needed.objectId));
  }
  return commands;
}

List* MissingDependencyCommands(Oid relid) {
  return CommandsWithDependencies(AddressOf(RelationRelationId, relid), false);
}

List* ObjectCommands() {
  Walk walk = {};
  const auto tables = catalog::AllTables();
  for (const catalog::Table* table : tables)
    Visit(&walk, AddressOf(RelationRelationId, table->relid));
  ListCell* cell;
  foreach (cell,
           QueryRows("SELECT classid, objid FROM pg_catalog.pg_dist_object ORDER BY 1, 2", {})) {
    char** row = static_cast<char**>(lfirst(cell));
    Visit(&walk, AddressOf(OidOf(row[0]), OidOf(row[1])));
  }
  // A function may use tables that come after it, or that need a search path.
  List* commands = list_make1(pstrdup("SET LOCAL check_function_bodies = off"));
  commands = list_concat(commands, RoleCommands());
  commands = list_concat(commands, ForgetDefaultPrivilegesCommands());
  for (const ObjectAddress& object : walk.ordered) {
    if (IsTable(object) && catalog::FindTable(object.objectId) == nullptr) continue;
    commands = list_concat(commands, CommandsOfObject(object));
    if (catalog::IsDistributedObject(object.classId, object.objectId))
      commands = lappend(commands, catalog::InsertObjectCommand(object.classId, object.objectId));
  }
  commands = list_concat(commands, MemberPrivilegeCommands(catalog::OwnExtension()));
  commands = list_concat(commands, ServerPrivilegeCommands());
  commands = lappend(commands, pstrdup("SET LOCAL altius.plan_locally = on"));
  for (const catalog::Table* table : tables)
    commands = list_concat(commands, ForeignKeysIfMissing(table->relid));
  commands = lappend(commands, pstrdup("SET LOCAL altius.plan_locally = off"));
  return commands;
}

}  // namespace altius::ddl
