-- What the catalogs say of the extension's objects.  A list is expected where each entry was looked at; where nothing is
-- expected, nothing may ever be.
SET search_path = pg_catalog;
\pset format unaligned
CREATE TEMPORARY VIEW member AS
  SELECT classid, objid FROM pg_depend
  WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'altius');
CREATE TEMPORARY VIEW routine AS
  SELECT p.*, p.oid::regprocedure::text AS name, l.lanname
  FROM pg_temp.member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid JOIN pg_language l ON l.oid = prolang;

-- Everything but for superusers only by what sql/install/99_grants.sql says: who may call what ...
SELECT name AS "may be called by others than superusers",
       string_agg(CASE it.grantee WHEN 0 THEN 'public' ELSE it.grantee::regrole::text END, ', ') AS by
FROM pg_temp.routine, aclexplode(coalesce(proacl, acldefault('f', proowner))) it
WHERE it.grantee <> proowner GROUP BY name ORDER BY name COLLATE "C";

-- ... and who may do what with relations.
SELECT c.oid::regclass AS relation, string_agg(lower(it.privilege_type), ', ' ORDER BY it.privilege_type) AS privileges,
       CASE it.grantee WHEN 0 THEN 'public' ELSE it.grantee::regrole::text END AS by
FROM pg_temp.member JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid,
  aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) it
WHERE it.grantee <> relowner GROUP BY c.oid, it.grantee ORDER BY c.oid::regclass::text COLLATE "C", it.grantee;

SELECT c.oid::regclass AS "columns have rights of their own",
       string_agg(attname, ', ' ORDER BY attnum) FILTER (WHERE attacl IS NULL) AS "these have none"
FROM pg_temp.member JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 GROUP BY c.oid HAVING count(attacl) > 0;
SELECT c.oid::regclass AS relation, string_agg(DISTINCT lower(it.privilege_type), ', ') AS privileges,
       CASE it.grantee WHEN 0 THEN 'public' ELSE it.grantee::regrole::text END AS by
FROM pg_temp.member JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl) it GROUP BY c.oid, it.grantee;

SELECT n.nspname AS schema, it.privilege_type, it.grantee = 0 AS public
FROM pg_temp.member JOIN pg_namespace n ON classid = 'pg_namespace'::regclass AND n.oid = objid,
  aclexplode(coalesce(nspacl, acldefault('n', nspowner))) it
WHERE it.grantee <> nspowner ORDER BY n.nspname, it.privilege_type;

-- Rights may be given away again by nobody.
SELECT name AS "granted with grant option" FROM pg_temp.routine, aclexplode(proacl) it
WHERE it.is_grantable AND it.grantee <> proowner;

-- What runs with other rights than the caller's.
SELECT name AS "security definer", proconfig AS settings FROM pg_temp.routine WHERE prosecdef ORDER BY name COLLATE "C";
SELECT name AS "temporary objects of the caller come first" FROM pg_temp.routine
WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting ~ '^search_path=(.*, *)?pg_temp$')
ORDER BY name COLLATE "C";

-- Names mean the same whatever the caller's search path: bodies are parsed when they are made, or set the path.
SELECT name AS "body depends on the search path" FROM pg_temp.routine
WHERE lanname <> 'c' AND prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting = 'search_path=pg_catalog, pg_temp')
ORDER BY name COLLATE "C";
SELECT name AS "no language that others may change" FROM pg_temp.routine WHERE lanname NOT IN ('c', 'sql', 'plpgsql');

-- Functions in C are not called with nulls, unless they look for them themselves.
SELECT name AS "handles nulls itself" FROM pg_temp.routine
WHERE lanname = 'c' AND NOT proisstrict AND pronargs > 0 ORDER BY name COLLATE "C";

-- There are no operators, casts or the like, which could come between others' expressions and what they mean.
SELECT DISTINCT classid::regclass::text AS "kinds of objects" FROM pg_temp.member ORDER BY 1;
