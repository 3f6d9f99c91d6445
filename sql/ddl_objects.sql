-- Schemas, types, functions, sequences, views, roles: the same on all nodes.
CREATE SCHEMA ddl_objects;
SET search_path TO ddl_objects;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

CREATE FUNCTION everywhere(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT DISTINCT result FROM run_command_on_all_nodes(query) $$;
CREATE TYPE color AS ENUM ('red', 'green');
ALTER TYPE color ADD VALUE 'blue' BEFORE 'green';
ALTER TYPE color RENAME VALUE 'red' TO 'dark red';
CREATE TYPE pair AS (a int, b color);
ALTER TYPE pair ADD ATTRIBUTE c text;
CREATE DOMAIN small AS int DEFAULT 1 NOT NULL CONSTRAINT few CHECK (value < 10);
ALTER DOMAIN small DROP CONSTRAINT few;
ALTER DOMAIN small ADD CONSTRAINT fewer CHECK (value < 5);
CREATE TYPE span AS RANGE (SUBTYPE = int);
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + i';
ALTER FUNCTION twice(int) RENAME TO doubled;
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = int4pl);
CREATE SEQUENCE counter INCREMENT 3;
ALTER SEQUENCE counter RENAME TO counted;
CREATE COLLATION bytes FROM "C";
SELECT everywhere($$ SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = 'color'::regtype $$);
SELECT everywhere($$ SELECT (1, 'blue', 'x')::pair::text || int4range(1, 3)::text $$);
SELECT everywhere($$ SELECT 7::small $$) ~ 'fewer';
SELECT everywhere($$ SELECT doubled(4) || ' ' || total(i) FROM generate_series(1, 3) i $$);
SELECT everywhere($$ SELECT string_agg(proname, ',' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'ddl_objects'::regnamespace $$);
SELECT everywhere($$ SELECT seqincrement FROM pg_sequence WHERE seqrelid = 'counted'::regclass $$);

-- Views on distributed tables are everywhere; what needs a local table stays here.
CREATE TABLE t (k int, v color);
SELECT create_distributed_table('t', 'k');
CREATE TABLE here (a int);
CREATE VIEW seen AS SELECT k, v::text AS name FROM t;
CREATE VIEW local_view AS SELECT * FROM here;
CREATE FUNCTION local_function() RETURNS SETOF here LANGUAGE sql AS 'SELECT * FROM here';
CREATE TEMPORARY VIEW passing AS SELECT * FROM t;
CREATE FUNCTION names_of(int) RETURNS TABLE (name text) LANGUAGE sql STABLE AS 'SELECT v::text FROM t WHERE k = $1';
INSERT INTO t VALUES (1, 'blue'), (2, 'dark red');
SELECT everywhere('SELECT string_agg(name, '','' ORDER BY k) FROM seen');
SELECT names_of(1);
SELECT everywhere($$ SELECT count(*) FROM pg_proc WHERE proname = 'names_of' $$);
SELECT result FROM run_command_on_workers('SELECT to_regclass(''ddl_objects.local_view'') IS NULL AND to_regproc(''ddl_objects.local_function'') IS NULL');
CREATE OR REPLACE VIEW seen AS SELECT k, v::text AS name, k + 1 AS next FROM t;
SELECT everywhere('SELECT string_agg(next::text, '','' ORDER BY k) FROM seen');
DROP VIEW local_view, seen;
SELECT everywhere('SELECT to_regclass(''ddl_objects.seen'') IS NULL');

-- Roles and grants.
CREATE ROLE ddl_objects_reader;
ALTER ROLE ddl_objects_reader SET work_mem TO '1MB';
GRANT USAGE ON SCHEMA ddl_objects TO ddl_objects_reader;
GRANT SELECT ON t TO ddl_objects_reader;
GRANT EXECUTE ON FUNCTION doubled(int) TO ddl_objects_reader;
SELECT everywhere($$ SELECT has_table_privilege('ddl_objects_reader', 't', 'SELECT') AND has_schema_privilege('ddl_objects_reader', 'ddl_objects', 'USAGE') $$);
REVOKE ALL ON ALL TABLES IN SCHEMA ddl_objects FROM ddl_objects_reader;
SELECT everywhere($$ SELECT has_table_privilege('ddl_objects_reader', 't', 'SELECT') $$);
DROP OWNED BY ddl_objects_reader;
DROP ROLE ddl_objects_reader;
SELECT everywhere($$ SELECT count(*) FROM pg_roles WHERE rolname = 'ddl_objects_reader' $$);

-- Dropping what a table uses.
DROP TYPE color;
DROP FUNCTION doubled(int);
DROP PROCEDURE nothing();
DROP AGGREGATE total(int);
DROP SEQUENCE counted;
DROP DOMAIN small;
DROP TYPE color CASCADE;
SELECT * FROM testing.shape('t');
SELECT everywhere($$ SELECT count(*) FROM pg_proc WHERE proname IN ('doubled', 'nothing', 'total') AND pronamespace = 'ddl_objects'::regnamespace $$);

-- Schemas.
CREATE SCHEMA ddl_objects_two;
ALTER SCHEMA ddl_objects_two RENAME TO ddl_objects_three;
SELECT everywhere($$ SELECT count(*) FROM pg_namespace WHERE nspname = 'ddl_objects_three' $$);
DROP SCHEMA ddl_objects_three;
SELECT everywhere($$ SELECT count(*) FROM pg_namespace WHERE nspname ~ 'ddl_objects_(two|three)' $$);

-- Off: the command stays here.
SET citus.enable_ddl_propagation TO off;
CREATE SCHEMA ddl_objects_local;
SELECT result FROM run_command_on_workers('SELECT count(*) FROM pg_namespace WHERE nspname = ''ddl_objects_local''');
DROP SCHEMA ddl_objects_local;
RESET citus.enable_ddl_propagation;

-- Multiranges that have names of their own, of ranges that no column is of.
CREATE TYPE stretch AS RANGE (SUBTYPE = int, MULTIRANGE_TYPE_NAME = stretches);
SET citus.enable_ddl_propagation TO off;
CREATE TYPE reach AS RANGE (SUBTYPE = int, SUBTYPE_DIFF = int4range_subdiff, MULTIRANGE_TYPE_NAME = "All reaches");
CREATE TYPE leap AS RANGE (SUBTYPE = int);
RESET citus.enable_ddl_propagation;
CREATE TABLE stretched (id int, s stretches, r "All reaches", a "All reaches"[], l leap_multirange);
SELECT create_distributed_table('stretched', 'id');
INSERT INTO stretched VALUES (1, '{[1,3)}', '{[1,3),[5,6)}', '{"{[1,2)}"}', '{}');
SELECT * FROM stretched WHERE r @> 5;

DROP SCHEMA ddl_objects CASCADE;
