// SPDX-License-Identifier: PostgreSQL
#include "object_commands.hpp"

#include "altius/ddl/table_commands.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "privileges.hpp"
#include "sql.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::ddl {

namespace {

constexpr const char* kSchema = R"(
SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', nspname, pg_get_userbyid(nspowner))
FROM pg_namespace WHERE oid = $1
UNION ALL
SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, pg_get_userbyid(nspowner)) FROM pg_namespace WHERE oid = $1)";

constexpr const char* kExtension = R"(
SELECT format('CREATE SCHEMA IF NOT EXISTS %I', nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace
WHERE e.oid = $1 AND n.oid >= 16384
UNION ALL
SELECT format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I CASCADE', extname, nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE e.oid = $1 AND extname NOT IN ('altius', 'citus'))";

constexpr const char* kType = R"(
SELECT format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype,
  (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
FROM pg_type t WHERE t.oid = $1 AND typtype = 'e'
UNION ALL
SELECT format('CREATE TYPE %s AS (%s)', t.oid::regtype,
  (SELECT string_agg(concat(format('%I %s', attname, format_type(atttypid, atttypmod)),
      CASE WHEN attcollation <> 0 AND attcollation <> e.typcollation THEN ' COLLATE ' || attcollation::regcollation END),
      ', ' ORDER BY attnum)
   FROM pg_attribute JOIN pg_type e ON e.oid = atttypid WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped))
FROM pg_type t WHERE t.oid = $1 AND typtype = 'c'
UNION ALL
SELECT concat(format('CREATE DOMAIN %s AS %s', t.oid::regtype, format_type(t.typbasetype, t.typtypmod)),
  CASE WHEN t.typcollation <> 0 AND t.typcollation <> b.typcollation THEN ' COLLATE ' || t.typcollation::regcollation END,
  CASE WHEN t.typdefaultbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0) END,
  CASE WHEN t.typnotnull THEN ' NOT NULL' END,
  (SELECT string_agg(format(' CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)), '' ORDER BY conname)
   FROM pg_constraint WHERE contypid = t.oid AND contype = 'c'))
FROM pg_type t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.oid = $1 AND t.typtype = 'd'
UNION ALL
SELECT format('CREATE TYPE %s AS RANGE (SUBTYPE = %s%s%s, MULTIRANGE_TYPE_NAME = %s)', t.oid::regtype, rngsubtype::regtype,
  CASE WHEN rngcollation <> 0 THEN ', COLLATION = ' || rngcollation::regcollation END,
  CASE WHEN rngsubdiff::oid <> 0 THEN ', SUBTYPE_DIFF = ' || rngsubdiff END, rngmultitypid::regtype)
FROM pg_type t JOIN pg_range ON rngtypid = t.oid WHERE t.oid = $1)";

constexpr const char* kTypeOwner = R"(
SELECT format('ALTER %s %s OWNER TO %I', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, oid::regtype,
              pg_get_userbyid(typowner)) FROM pg_type WHERE oid = $1)";

constexpr const char* kFunction = R"(
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE oid = $1 AND prokind <> 'a'
UNION ALL
SELECT concat(format('CREATE OR REPLACE AGGREGATE %I.%I(%s) (SFUNC = %s, STYPE = %s', nspname, proname,
                     coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), aggtransfn, aggtranstype::regtype),
  ', SSPACE = ' || nullif(aggtransspace, 0),
  CASE WHEN aggfinalfn <> 0 THEN ', FINALFUNC = ' || aggfinalfn END, CASE WHEN aggfinalextra THEN ', FINALFUNC_EXTRA' END,
  ', FINALFUNC_MODIFY = ' || CASE aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END,
  CASE WHEN aggcombinefn <> 0 THEN ', COMBINEFUNC = ' || aggcombinefn END,
  CASE WHEN aggserialfn <> 0 THEN ', SERIALFUNC = ' || aggserialfn END,
  CASE WHEN aggdeserialfn <> 0 THEN ', DESERIALFUNC = ' || aggdeserialfn END,
  ', INITCOND = ' || quote_literal(agginitval),
  CASE WHEN aggmtransfn <> 0 THEN
    format(', MSFUNC = %s, MINVFUNC = %s, MSTYPE = %s', aggmtransfn, aggminvtransfn, aggmtranstype::regtype) END,
  CASE WHEN aggmfinalfn <> 0 THEN ', MFINALFUNC = ' || aggmfinalfn END, CASE WHEN aggmfinalextra THEN ', MFINALFUNC_EXTRA' END,
  CASE WHEN aggmtransfn <> 0 THEN ', MINITCOND = ' || quote_literal(aggminitval) END,
  CASE WHEN aggkind = 'h' THEN ', HYPOTHETICAL' END,
  ', PARALLEL = ' || CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END, ')')
FROM pg_proc p JOIN pg_aggregate a ON aggfnoid = p.oid JOIN pg_namespace n ON n.oid = pronamespace
WHERE p.oid = $1
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, pg_get_userbyid(proowner)) FROM pg_proc WHERE oid = $1)";

constexpr const char* kSequence = R"(
SELECT format('CREATE SEQUENCE IF NOT EXISTS %s AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s%s',
  seqrelid::regclass, seqtypid::regtype, seqincrement, seqmin, seqmax, seqstart, seqcache,
  CASE WHEN seqcycle THEN ' CYCLE' END)
FROM pg_sequence WHERE seqrelid = $1 AND NOT EXISTS (
  SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = seqrelid AND deptype = 'i')
UNION ALL
SELECT format('ALTER SEQUENCE %s OWNER TO %I', c.oid::regclass, pg_get_userbyid(relowner)) FROM pg_class c
WHERE c.oid = $1 AND NOT EXISTS (
  SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'i'))";

constexpr const char* kView = R"(
SELECT format('CREATE OR REPLACE VIEW %s%s AS %s', c.oid::regclass,
  ' WITH (' || array_to_string(reloptions, ', ') || ')', rtrim(pg_get_viewdef(c.oid), ';'))
FROM pg_class c WHERE c.oid = $1
UNION ALL
SELECT format('ALTER VIEW %s OWNER TO %I', c.oid::regclass, pg_get_userbyid(relowner)) FROM pg_class c WHERE c.oid = $1)";

// Schema and owner of what has expressions in its definition; no row for other objects, and for functions with properties that only
// superusers may give.
constexpr const char* kOwnerOfExpressions = R"(
SELECT nspname, pg_get_userbyid(typowner) FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
WHERE $1 = 'pg_type'::regclass AND pg_type.oid = $2 AND typtype = 'd'
UNION ALL
SELECT nspname, pg_get_userbyid(relowner) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE $1 = 'pg_class'::regclass AND pg_class.oid = $2 AND relkind IN ('r', 'p', 'v')
UNION ALL
SELECT nspname, pg_get_userbyid(proowner) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
JOIN pg_language l ON l.oid = prolang LEFT JOIN pg_aggregate a ON aggfnoid = p.oid
WHERE $1 = 'pg_proc'::regclass AND p.oid = $2 AND CASE prokind
  WHEN 'a' THEN agginitval IS NOT NULL AND aggtranstype >= 16384
  ELSE (pronargdefaults > 0 OR prosqlbody IS NOT NULL) AND lanpltrusted AND NOT proleakproof AND prosupport = 0 END)";

// Columns of pg_collation differ between versions; as JSON the missing ones are null.
constexpr const char* kCollation = R"(
SELECT format('CREATE COLLATION IF NOT EXISTS %s (PROVIDER = %s, %s, DETERMINISTIC = %s)', (j->>'oid')::oid::regcollation,
  CASE j->>'collprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
  coalesce('LOCALE = ' || quote_literal(coalesce(j->>'colllocale', j->>'colliculocale')),
           format('LC_COLLATE = %L, LC_CTYPE = %L', j->>'collcollate', j->>'collctype')),
  j->>'collisdeterministic')
FROM (SELECT to_jsonb(c) AS j FROM pg_collation c WHERE oid = $1) AS described)";

constexpr const char* kComments = R"(
SELECT format('COMMENT ON %s %s IS %L', CASE type WHEN 'view column' THEN 'COLUMN' ELSE upper(type) END, identity, description)
FROM pg_description, pg_identify_object(classoid, objoid, objsubid)
WHERE classoid = $1 AND objoid = $2 AND type IN ('schema', 'type', 'function', 'procedure', 'aggregate', 'sequence', 'view',
                                                 'view column', 'collation'))";

// Kinds that are made whatever is there: IF NOT EXISTS, OR REPLACE.
constexpr const char* kRefuseTaken = R"(
SELECT format($$SELECT altius_internal.refuse_taken(%L, %L) FROM pg_catalog.%I x WHERE %s
    AND x.%I NOT IN (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = %L OR r.rolsuper)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_object d WHERE d.classid = 'pg_catalog.%I'::pg_catalog.regclass AND d.objid = x.oid)$$,
  described, pg_get_userbyid(owner), class, found, owner_column, pg_get_userbyid(owner), class)
FROM (
  SELECT 'pg_namespace' AS class, 'nspowner' AS owner_column, nspowner AS owner, format('x.nspname = %L', nspname) AS found
  FROM pg_namespace WHERE $1 = 'pg_namespace'::regclass AND oid = $2
  UNION ALL
  SELECT 'pg_extension', 'extowner', extowner, format('x.extname = %L', extname)
  FROM pg_extension WHERE $1 = 'pg_extension'::regclass AND oid = $2
  UNION ALL
  SELECT 'pg_proc', 'proowner', proowner, format('x.oid = pg_catalog.to_regprocedure(%L)', oid::regprocedure)
  FROM pg_proc WHERE $1 = 'pg_proc'::regclass AND oid = $2
  UNION ALL
  SELECT 'pg_class', 'relowner', relowner, format('x.oid = pg_catalog.to_regclass(%L)', oid::regclass)
  FROM pg_class WHERE $1 = 'pg_class'::regclass AND oid = $2 AND relkind IN ('S', 'v')
  UNION ALL
  SELECT 'pg_collation', 'collowner', collowner, format('x.oid = pg_catalog.to_regcollation(%L)', oid::regcollation)
  FROM pg_collation WHERE $1 = 'pg_collation'::regclass AND oid = $2
) AS it, pg_describe_object($1, $2, 0) AS described)";

List* Query(const char* sql, Oid oid) {
  const int level = BeginQualifiedNames();
  List* commands = QueryTexts(sql, {OidValue(oid)});
  EndQualifiedNames(level);
  return commands;
}

/// The name as `kind` (regtype, regclass) prints it, as a literal.
char* NameLiteral(const char* kind, Oid oid) {
  const int level = BeginQualifiedNames();
  char* name = QueryText(psprintf("SELECT $1::%s::text", kind), {OidValue(oid)});
  EndQualifiedNames(level);
  return quote_literal_cstr(name);
}

/// Whether what has the name on the node already is the owner's or a superuser's: else it may be a trap, and making the object again
/// fails.
char* IsOwners(const char* column, Oid owner) {
  return psprintf("%s IN (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = %s OR r.rolsuper)", column,
                  quote_literal_cstr(GetUserNameFromId(owner, false)));
}

/// An error where another role has put something of that name: it may have laid things around it (functions in the schema, triggers
/// on the view) that would work for the owner, and could drop with it what depends on it.  What the cluster itself made there may
/// have had another owner.
char* RefuseTaken(const ObjectAddress& object) {
  const int level = BeginQualifiedNames();
  char* command = QueryText(kRefuseTaken, {OidValue(object.classId), OidValue(object.objectId)});
  EndQualifiedNames(level);
  return command;
}

struct Made {
  List* commands;
  const char* condition;  // null: none
  List* after;            // whatever the condition says
};

Made CommandsOfRelation(Oid relid) {
  switch (get_rel_relkind(relid)) {
    case RELKIND_SEQUENCE:
      return {Query(kSequence, relid), nullptr, NIL};
    case RELKIND_VIEW:
      return {Query(kView, relid), nullptr, NIL};
    case RELKIND_RELATION:
    case RELKIND_PARTITIONED_TABLE:
      return {TableCommands(relid, kShell & ~kPrivileges),
              psprintf("NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s) AND %s)",
                       NameLiteral("regclass", relid), IsOwners("c.relowner", pg::OwnerOfRelation(relid))),
              NIL};
    default:
      return {};
  }
}

Oid OwnerOfType(Oid type) {
  HeapTuple row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for type %u", type);
  const Oid owner = reinterpret_cast<Form_pg_type>(GETSTRUCT(row))->typowner;
  ReleaseSysCache(row);
  return owner;
}

Made CommandsOfType(Oid type) {
  List* commands = Query(kType, type);
  if (commands == NIL) return {};
  const char* name = NameLiteral("regtype", type);
  // The array type of another one may have the name: it gives it up.
  const char* condition =
      psprintf("NOT EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.to_regtype(%s) AND %s"
               " AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid))",
               name, IsOwners("t.typowner", OwnerOfType(type)));
  return {commands, condition, Query(kTypeOwner, type)};
}

Made Describe(const ObjectAddress& object) {
  switch (object.classId) {
    case NamespaceRelationId:
      return {Query(kSchema, object.objectId), nullptr, NIL};
    case ExtensionRelationId:
      return {Query(kExtension, object.objectId), nullptr, MemberPrivilegeCommands(object.objectId)};
    case TypeRelationId:
      return CommandsOfType(object.objectId);
    case ProcedureRelationId:
      return {Query(kFunction, object.objectId), nullptr, NIL};
    case CollationRelationId:
      return {Query(kCollation, object.objectId), nullptr, NIL};
    case RelationRelationId:
      return CommandsOfRelation(object.objectId);
    default:
      return {};
  }
}

/// A superuser's commands become the owner's; null for objects that call nothing when they are made.
char* AsOwnersCommand(const ObjectAddress& object, const Made& made) {
  if (!superuser()) return nullptr;
  const int level = BeginQualifiedNames();
  List* rows = QueryRows(kOwnerOfExpressions, {OidValue(object.classId), OidValue(object.objectId)});
  EndQualifiedNames(level);
  if (rows == NIL) return nullptr;
  char** row = static_cast<char**>(linitial(rows));
  return psprintf("SELECT altius_internal.make_as_owner(%s, %s, %s, %s)", quote_literal_cstr(row[0]),
                  quote_literal_cstr(row[1]), quote_literal_cstr(made.condition == nullptr ? "" : made.condition),
                  TextArrayLiteral(made.commands));
}

/// `DO` block that runs the commands when `condition` (an SQL expression) holds there.
char* CommandsIf(const char* condition, List* commands) {
  StringInfoData body;
  initStringInfo(&body);
  appendStringInfo(&body, "BEGIN IF %s THEN ", condition);
  ListCell* cell;
  foreach (cell, commands)
    appendStringInfo(&body, "EXECUTE %s; ", quote_literal_cstr(static_cast<char*>(lfirst(cell))));
  appendStringInfoString(&body, "END IF; END");
  return psprintf("DO %s", quote_literal_cstr(body.data));
}

List* Definition(const ObjectAddress& object) {
  const Made made = Describe(object);
  if (made.commands == NIL) return NIL;
  char* as_owner = AsOwnersCommand(object, made);
  if (as_owner != nullptr) return lcons(as_owner, made.after);
  if (made.condition == nullptr) return list_concat(made.commands, made.after);
  return lcons(CommandsIf(made.condition, made.commands), made.after);
}

/// Those of tables are a part of the tables' definition.
List* Comments(const ObjectAddress& object) {
  const int level = BeginQualifiedNames();
  List* commands = QueryTexts(kComments, {OidValue(object.classId), OidValue(object.objectId)});
  EndQualifiedNames(level);
  return commands;
}

}  // namespace

List* CommandsOfObject(const ObjectAddress& object) {
  List* commands = Definition(object);
  if (commands == NIL) return NIL;
  char* refuse_taken = RefuseTaken(object);
  if (refuse_taken != nullptr) commands = lcons(refuse_taken, commands);
  commands = list_concat(commands, Comments(object));
  return list_concat(commands, PrivilegeCommands(object));
}

List* CommandsForTable(Oid relid, List* commands, const char* condition) {
  if (commands == NIL) return NIL;
  ObjectAddress table = {};
  ObjectAddressSet(table, RelationRelationId, relid);
  char* as_owner = AsOwnersCommand(table, {commands, condition, NIL});
  if (as_owner != nullptr) return list_make1(as_owner);
  return condition == nullptr ? commands : list_make1(CommandsIf(condition, commands));
}

}  // namespace altius::ddl

/// refuse_taken(object text, owner text): the object is there already, and is not the owner's.
ALTIUS_FUNCTION(altius_refuse_taken) {
  const char* object = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char* owner = text_to_cstring(PG_GETARG_TEXT_PP(1));
  ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("%s exists already and belongs to another role", object),
                  errhint("Drop it on this node, or make %s its owner there.", quote_identifier(owner))));
  PG_RETURN_VOID();
}
