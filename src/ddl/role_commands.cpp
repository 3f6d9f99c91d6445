// SPDX-License-Identifier: PostgreSQL
// Roles of users as commands for another node: attributes, settings, memberships.  A role of that name exists there
// (make_role) and becomes the same.
#include "altius/ddl/objects.hpp"
#include "object_commands.hpp"
#include "sql.hpp"

namespace altius::ddl {

namespace {

// A role for replication keeps its password: it is what standbys of that group log in with.
constexpr const char* kPasswords = R"(
SELECT json_agg(json_build_object('name', rolname, 'password', rolpassword, 'replaces', NOT rolreplication) ORDER BY rolname)
FROM pg_authid WHERE oid >= 16384)";

// Not the bootstrap superuser of another name.
constexpr const char* kAttributes = R"(
SELECT format('DO %L', format(
  'BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %L AND oid >= 16384) THEN ALTER ROLE %I %s; END IF; END',
  rolname, rolname, concat_ws(' ',
    CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
    CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
    CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
    CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
    'CONNECTION LIMIT ' || rolconnlimit,
    'VALID UNTIL ' || quote_literal(rolvaliduntil))))
FROM pg_roles WHERE oid >= 16384 ORDER BY rolname)";

// There is no way back to no end.
constexpr const char* kEndless = R"(
SELECT format('DO %L', format(
  'BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %L AND oid >= 16384 AND rolvaliduntil < ''infinity'') '
  'THEN ALTER ROLE %I VALID UNTIL ''infinity''; END IF; END', rolname, rolname))
FROM pg_roles WHERE oid >= 16384 AND rolvaliduntil IS NULL ORDER BY rolname)";

// Lists of names (the second branch) are stored as they were written, quotes included.
constexpr const char* kSettings = R"sql(
WITH known AS (
  SELECT oid, quote_ident(rolname) AS name FROM pg_roles WHERE oid >= 16384 UNION ALL SELECT 0, 'ALL'
), place AS (
  SELECT oid, format('ALTER ROLE %s%s ', name, inside) AS head, datid
  FROM known, (SELECT 0 AS datid, '' AS inside UNION ALL
               SELECT oid, format(' IN DATABASE %I', datname) FROM pg_database WHERE datname = current_database()) AS place
), stored AS (
  SELECT head, split_part(item, '=', 1) AS setting, substr(item, strpos(item, '=') + 1) AS value
  FROM place JOIN pg_db_role_setting ON setrole = oid AND setdatabase = datid, unnest(setconfig) AS item
)
SELECT head || 'RESET ALL' FROM place
UNION ALL
SELECT format('%sSET %s TO %s', head, (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(setting, '.')) part),
  CASE WHEN setting NOT IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')
    THEN quote_literal(value)
    ELSE coalesce((SELECT string_agg(quote_literal(coalesce(replace(name[1], '""', '"'), name[2])), ', ')
                   FROM regexp_matches(value, '"((?:[^"]|"")*)"|([^",\s]+)', 'g') AS name), '''''') END)
FROM stored)sql";

// What the node knew of members that are ours, too.
constexpr const char* kForgetMemberships = R"(
SELECT format('DO %L', format('
DECLARE command text;
BEGIN
  FOR command IN
    SELECT format(''REVOKE %%I FROM %%I GRANTED BY %%I CASCADE'', g.rolname, m.rolname,
                  coalesce((SELECT rolname FROM pg_catalog.pg_roles WHERE oid = grantor), current_user))
    FROM pg_catalog.pg_auth_members JOIN pg_catalog.pg_roles g ON g.oid = roleid
      JOIN pg_catalog.pg_roles m ON m.oid = member WHERE m.oid >= 16384 AND m.rolname = ANY (%L)
  LOOP
    EXECUTE command;
  END LOOP;
END', array_agg(rolname)::text[]::text)) FROM pg_roles WHERE oid >= 16384 HAVING count(*) > 0)";

// Columns of pg_auth_members differ between versions; as JSON the missing ones are null.  Who grants must have been granted
// the ADMIN option before (from PostgreSQL 16 on).
constexpr const char* kMemberships = R"(
WITH RECURSIVE given AS (
  SELECT roleid, member, CASE WHEN grantor = ANY (SELECT oid FROM pg_roles) THEN grantor ELSE 10 END AS grantor, admin_option,
         to_jsonb(a) AS j
  FROM pg_auth_members a WHERE member >= 16384 OR roleid >= 16384
), reached AS (
  SELECT roleid, grantor AS role, 0 AS depth FROM given WHERE grantor = 10
  UNION
  SELECT g.roleid, member, depth + 1 FROM given g JOIN reached r ON r.roleid = g.roleid AND r.role = g.grantor
  WHERE admin_option AND depth < 100
)
SELECT format('GRANT %I TO %I%s GRANTED BY %I', pg_get_userbyid(g.roleid), pg_get_userbyid(member),
  CASE WHEN j ? 'set_option' THEN format(' WITH ADMIN %s, INHERIT %s, SET %s', j->>'admin_option', j->>'inherit_option',
                                         j->>'set_option')
       WHEN admin_option THEN ' WITH ADMIN OPTION' END, pg_get_userbyid(grantor))
FROM given g ORDER BY coalesce((SELECT min(depth) FROM reached r WHERE r.roleid = g.roleid AND r.role = g.grantor), 100), 1)";

}  // namespace

const char* StoredPasswords() {
  const int level = BeginQualifiedNames();
  const char* roles = QueryText(kPasswords, {});
  EndQualifiedNames(level);
  return roles;
}

List* RoleCommands() {
  const int level = BeginQualifiedNames();
  List* commands = NIL;
  for (const char* query : {kAttributes, kEndless, kSettings, kForgetMemberships, kMemberships})
    commands = list_concat(commands, QueryTexts(query, {}));
  EndQualifiedNames(level);
  return commands;
}

}  // namespace altius::ddl
