// SPDX-License-Identifier: PostgreSQL
#include "privileges.hpp"

#include "sql.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
}

namespace altius::ddl {

namespace {

/// Every catalog that holds privileges of objects which nodes may have in common.  One list for all
/// queries: what is missing here travels nowhere.
constexpr const char* kHeld = R"(
  SELECT 'pg_class'::regclass::oid AS classid, oid AS objid, 0 AS objsubid, relacl AS acl FROM pg_class
  UNION ALL SELECT 'pg_attribute'::regclass, attrelid, attnum, attacl FROM pg_attribute
    WHERE NOT attisdropped AND attacl IS NOT NULL
  UNION ALL SELECT 'pg_proc'::regclass, oid, 0, proacl FROM pg_proc
  UNION ALL SELECT 'pg_type'::regclass, oid, 0, typacl FROM pg_type
  UNION ALL SELECT 'pg_namespace'::regclass, oid, 0, nspacl FROM pg_namespace
  UNION ALL SELECT 'pg_language'::regclass, oid, 0, lanacl FROM pg_language
  UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwacl FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid, 0, srvacl FROM pg_foreign_server
  UNION ALL SELECT 'pg_database'::regclass, oid, 0, datacl FROM pg_database WHERE datname = current_database())";

// Columns are addressed by their table's catalog and a number.
constexpr const char* kAsCommand = R"(
SELECT format('SELECT altius_internal.set_privileges(classid, objid, objsubid, %L) '
              'FROM pg_catalog.pg_get_object_address(%L, %L, %L)', acl,
              CASE WHEN objsubid <> 0 THEN 'table column' ELSE type END, object_names, object_args)
FROM found, pg_identify_object_as_address(
  CASE WHEN classid = 'pg_attribute'::regclass THEN 'pg_class'::regclass::oid ELSE classid END, objid, objsubid))";

constexpr const char* kOfObject = R"(
  SELECT * FROM held WHERE classid = $1 AND objid = $2
  UNION ALL SELECT * FROM held
    WHERE classid = 'pg_attribute'::regclass AND $1 = 'pg_class'::regclass AND objid = $2
  UNION ALL SELECT * FROM held WHERE classid = 'pg_class'::regclass AND objid IN (
    SELECT d.objid FROM pg_depend d WHERE $1 = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass
      AND refclassid = 'pg_class'::regclass AND refobjid = $2 AND refobjsubid > 0 AND deptype = 'i'))";

constexpr const char* kOfMembers = R"(
  SELECT held.* FROM held JOIN pg_depend d ON d.objid = held.objid AND d.classid =
      CASE WHEN held.classid = 'pg_attribute'::regclass THEN 'pg_class'::regclass::oid ELSE held.classid END
    LEFT JOIN pg_init_privs i ON i.classoid = d.classid AND i.objoid = held.objid AND i.objsubid = held.objsubid
  WHERE refclassid = 'pg_extension'::regclass AND refobjid = $1 AND deptype = 'e' AND acl IS DISTINCT FROM initprivs)";

constexpr const char* kOfServer = R"(
  SELECT held.* FROM held LEFT JOIN pg_init_privs i ON i.objoid = objid AND i.objsubid = held.objsubid AND i.classoid =
    CASE WHEN classid = 'pg_attribute'::regclass THEN 'pg_class'::regclass::oid ELSE classid END
  WHERE classid = 'pg_database'::regclass OR (objid < 16384 AND acl IS DISTINCT FROM initprivs))";

// Their entry in the catalog comes and goes with the first and last grant.
constexpr const char* kParameters = R"(
SELECT format('GRANT %s ON PARAMETER %s TO %s%s', privilege_type, parname,
  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
  CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
FROM pg_parameter_acl, aclexplode(paracl) WHERE grantee <> 10)";

// Whose owner has what rights in the schema public (pg_database_owner).
constexpr const char* kOwners = R"(
SELECT format('ALTER DATABASE %I OWNER TO %I', datname, pg_get_userbyid(datdba)) FROM pg_database
WHERE datname = current_database()
UNION ALL
SELECT format('ALTER SCHEMA public OWNER TO %I', pg_get_userbyid(nspowner)) FROM pg_namespace WHERE nspname = 'public')";

// An entry without a schema goes when it is what PostgreSQL gives by itself, others when they are empty.
constexpr const char* kForgetDefaults = R"(DO $do$
DECLARE command text;
BEGIN
  FOR command IN
    WITH entry AS (
      SELECT *, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s', pg_get_userbyid(defaclrole),
                       ' IN SCHEMA ' || quote_ident(nspname)) AS head,
        CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
          ELSE 'SCHEMAS' END AS kind
      FROM pg_catalog.pg_default_acl LEFT JOIN pg_catalog.pg_namespace n ON n.oid = defaclnamespace
      WHERE defaclobjtype IN ('r', 'S', 'f', 'T', 'n')
    ), steps AS (
      SELECT DISTINCT 1 AS step, format('%s REVOKE ALL ON %s FROM %s CASCADE', head, kind,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) AS command
      FROM entry, aclexplode(defaclacl)
      UNION ALL
      SELECT 2, format('%s GRANT ALL ON %s TO %I%s', head, kind, pg_get_userbyid(defaclrole),
        CASE WHEN defaclobjtype IN ('f', 'T') THEN ', PUBLIC' END)
      FROM entry WHERE defaclnamespace = 0
    )
    SELECT steps.command FROM steps ORDER BY step, steps.command
  LOOP
    EXECUTE command;
  END LOOP;
END $do$)";

// Without a schema the entry is all there is, so what PostgreSQL gives by itself is taken first.
constexpr const char* kDefaults = R"(
WITH entry AS (
  SELECT *, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s ', pg_get_userbyid(defaclrole),
                   ' IN SCHEMA ' || quote_ident(nspname)) AS head,
    CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
      ELSE 'SCHEMAS' END AS kind
  FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace WHERE defaclobjtype IN ('r', 'S', 'f', 'T', 'n')
), steps AS (
  SELECT 1 AS step, head || format('REVOKE ALL ON %s FROM PUBLIC, %I', kind, pg_get_userbyid(defaclrole)) AS command
  FROM entry WHERE defaclnamespace = 0
  UNION ALL
  SELECT 2, head || format('GRANT %s ON %s TO %s%s', privilege_type, kind,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
  FROM entry, aclexplode(defaclacl)
)
SELECT command FROM steps ORDER BY step, command)";

List* Commands(const char* sql, std::initializer_list<Value> values) {
  const int level = BeginQualifiedNames();
  List* commands = QueryTexts(sql, values);
  EndQualifiedNames(level);
  return commands;
}

/// `found` chooses rows of kHeld.
List* PrivilegesOf(const char* found, std::initializer_list<Value> values) {
  return Commands(psprintf("WITH held AS NOT MATERIALIZED (%s), found AS (%s) %s", kHeld, found, kAsCommand), values);
}

}  // namespace

List* PrivilegeCommands(const ObjectAddress& object) {
  return PrivilegesOf(kOfObject, {OidValue(object.classId), OidValue(object.objectId)});
}

List* MemberPrivilegeCommands(Oid extension) { return PrivilegesOf(kOfMembers, {OidValue(extension)}); }

List* ForgetDefaultPrivilegesCommands() { return list_make1(pstrdup(kForgetDefaults)); }

List* ServerPrivilegeCommands() {
  List* commands = Commands(kOwners, {});
  commands = list_concat(commands, PrivilegesOf(kOfServer, {}));
  commands = list_concat(commands, Commands(kParameters, {}));
  return list_concat(commands, Commands(kDefaults, {}));
}

}  // namespace altius::ddl
