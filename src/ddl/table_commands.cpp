// SPDX-License-Identifier: PostgreSQL
// TableCommands: what a table consists of, as commands.  Each section is one catalog query that
// prints commands with format(); PostgreSQL's own deparse functions print expressions, constraints
// and indexes.
#include "altius/ddl/table_commands.hpp"

#include "privileges.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_class.h"
}

namespace altius::ddl {

namespace {

constexpr const char* kCreateTable = R"(
SELECT format('CREATE %sTABLE %I.%I (%s)%s%s%s',
  CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, nspname, relname,
  (SELECT string_agg(concat(
      format('%I %s', attname, format_type(atttypid, atttypmod)),
      CASE WHEN attcollation <> 0 AND attcollation <> typcollation
        THEN (SELECT format(' COLLATE %I.%I', n.nspname, collname) FROM pg_collation o
              JOIN pg_namespace n ON n.oid = collnamespace WHERE o.oid = attcollation) END,
      CASE WHEN attcompression = 'p' THEN ' COMPRESSION pglz' WHEN attcompression = 'l' THEN ' COMPRESSION lz4' END,
      CASE WHEN attgenerated = 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(adbin, adrelid))
           WHEN attgenerated = 'v' THEN format(' GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(adbin, adrelid))
           WHEN attidentity <> '' THEN (
             SELECT format(' GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I START %s INCREMENT %s MINVALUE %s MAXVALUE %s '
                           'CACHE %s%s)', CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
                           n.nspname, s.relname, seqstart, seqincrement, seqmin, seqmax, seqcache,
                           CASE WHEN seqcycle THEN ' CYCLE' ELSE '' END)
             FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
             JOIN pg_sequence ON seqrelid = s.oid JOIN pg_namespace n ON n.oid = s.relnamespace
             WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
               AND d.refobjid = c.oid AND d.refobjsubid = attnum AND d.deptype = 'i' LIMIT 1)
           WHEN adbin IS NOT NULL THEN format(' DEFAULT %s', pg_get_expr(adbin, adrelid)) END,
      CASE WHEN attnotnull THEN ' NOT NULL' END), ', ' ORDER BY attnum)
   FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid
   LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
  CASE relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) END,
  CASE WHEN amname <> 'heap' THEN format(' USING %I', amname) END,
  CASE WHEN reloptions IS NOT NULL THEN format(' WITH (%s)', (
    SELECT string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')
    FROM unnest(reloptions) o)) END)
FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace LEFT JOIN pg_am m ON m.oid = relam
WHERE c.oid = $1)";

constexpr const char* kColumnSettings = R"(
SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I %s', attrelid::regclass, attname, setting)
FROM pg_attribute JOIN pg_type t ON t.oid = atttypid, LATERAL (VALUES
  (1, CASE WHEN attstorage <> typstorage THEN 'SET STORAGE ' || CASE attstorage
     WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'x' THEN 'EXTENDED' ELSE 'MAIN' END END),
  (2, CASE WHEN attstattarget >= 0 THEN 'SET STATISTICS ' || attstattarget END),
  (3, 'SET (' || array_to_string(attoptions, ', ') || ')')) AS s(step, setting)
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND setting IS NOT NULL ORDER BY attnum, step)";

constexpr const char* kChecks = R"(
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1 AND contype = 'c' ORDER BY conname)";

constexpr const char* kIndexConstraints = R"(
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1 AND contype IN ('p', 'u', 'x') ORDER BY contype <> 'p', conname)";

constexpr const char* kPlainIndexes = R"(
SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
WHERE indrelid = $1 AND (indisvalid OR relkind = 'I')
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
ORDER BY relname)";

constexpr const char* kIndexSettings = R"(
SELECT format('ALTER TABLE ONLY %s CLUSTER ON %I', indrelid::regclass, relname)
FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = $1 AND indisclustered
UNION ALL
SELECT format('ALTER TABLE ONLY %s REPLICA IDENTITY %s', c.oid::regclass, CASE relreplident
  WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL' ELSE (
    SELECT format('USING INDEX %I', x.relname) FROM pg_index JOIN pg_class x ON x.oid = indexrelid
    WHERE indrelid = c.oid AND indisreplident) END)
FROM pg_class c WHERE c.oid = $1 AND relreplident <> 'd')";

constexpr const char* kStatistics = R"(
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = $1 ORDER BY stxname)";

constexpr const char* kAttachPartition = R"(
SELECT format('ALTER TABLE %s ATTACH PARTITION %s %s', inhparent::regclass, c.oid::regclass,
              pg_get_expr(relpartbound, c.oid))
FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid WHERE c.oid = $1 AND relispartition)";

constexpr const char* kOwner = R"(
SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, rolname)
FROM pg_class c JOIN pg_roles r ON r.oid = relowner WHERE c.oid = $1)";

constexpr const char* kRowSecurity = R"(
SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', oid::regclass) FROM pg_class
WHERE oid = $1 AND relrowsecurity
UNION ALL
SELECT format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', oid::regclass) FROM pg_class
WHERE oid = $1 AND relforcerowsecurity
UNION ALL
SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, polrelid::regclass,
  CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
  CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
  (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
   FROM unnest(polroles) role),
  ' USING (' || pg_get_expr(polqual, polrelid) || ')', ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')
FROM pg_policy WHERE polrelid = $1)";

constexpr const char* kForeignKeyConstraints = R"(
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1 AND contype = 'f' AND conparentid = 0 ORDER BY conname)";

constexpr const char* kUserTriggers = R"(
SELECT command FROM pg_trigger t, LATERAL (VALUES
  (1, pg_get_triggerdef(t.oid)),
  (2, format('ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass, CASE tgenabled
     WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END, tgname))) AS c(step, command)
WHERE tgrelid = $1 AND NOT tgisinternal AND tgparentid = 0 AND (step = 1 OR tgenabled <> 'O') ORDER BY tgname, step)";

constexpr const char* kCommentTexts = R"(
SELECT format('COMMENT ON %s IS %L', CASE WHEN objsubid = 0 THEN 'TABLE ' || objoid::regclass
  ELSE format('COLUMN %s.%I', objoid::regclass, attname) END, description)
FROM pg_description LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid
WHERE objoid = $1 AND classoid = 'pg_class'::regclass ORDER BY objsubid)";

constexpr const char* kOwnedSequences = R"(
SELECT format('ALTER SEQUENCE %s OWNED BY %s.%I', objid::regclass, refobjid::regclass, attname)
FROM pg_depend JOIN pg_class s ON s.oid = objid AND relkind = 'S'
JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjid = $1 AND deptype = 'a')";

constexpr const char* kStatisticsOwner = R"(
SELECT format('ALTER STATISTICS %I.%I OWNER TO %I', nspname, stxname, pg_get_userbyid(stxowner))
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = stxnamespace WHERE stxrelid = $1 ORDER BY stxname)";

struct Section {
  int part;
  const char* query;
};

constexpr Section kSections[] = {
    {kTable, kCreateTable},
    {kTable, kOwner},  // before anything that has expressions
    {kTable, kColumnSettings},
    {kTable, kChecks},
    {kIndexes, kIndexConstraints},
    {kIndexes, kPlainIndexes},
    {kIndexes, kIndexSettings},
    {kIndexes, kStatistics},
    {kAttach, kAttachPartition},
    {kForeignKeys, kForeignKeyConstraints},
    {kTriggers, kUserTriggers},
    {kComments, kCommentTexts},
    {kSequences, kOwnedSequences},
    {kAccess, kRowSecurity},
    {kAccess, kStatisticsOwner},
};

}  // namespace

List* TableCommands(Oid relid, int parts) {
  const int level = BeginQualifiedNames();
  List* commands = NIL;
  for (const Section& section : kSections) {
    if ((section.part & parts) == 0) continue;
    commands = list_concat(commands, QueryTexts(section.query, {OidValue(relid)}));
  }
  EndQualifiedNames(level);
  if ((parts & kPrivileges) != 0)
    commands = list_concat(commands, PrivilegeCommands({RelationRelationId, relid, 0}));
  return commands;
}

}  // namespace altius::ddl
